package provenance

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	in_toto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/slipway-dev/slipway/internal/slipway"
)

const statementV1 = "https://in-toto.io/Statement/v1"

// expanded puts the version in the place of ${version}: what is built from a tag
// has it in its names. The result is still compared as a whole.
func expanded(g slipway.ProvenanceGate, version string) slipway.ProvenanceGate {
	fill := func(text string) string { return strings.ReplaceAll(text, "${version}", version) }
	g.Identity = fill(g.Identity)
	builders := make([]string, len(g.Builders))
	for i, b := range g.Builders {
		builders[i] = fill(b)
	}
	parameters := make(map[string]string, len(g.Parameters))
	for name, value := range g.Parameters {
		parameters[name] = fill(value)
	}
	g.Builders, g.Parameters = builders, parameters
	return g
}

// mismatches compares a statement whose signer is known with what a gate
// registers, and lists every difference.
func mismatches(s *in_toto.Statement, g slipway.ProvenanceGate, a slipway.Artifact) []string {
	if s.GetType() != statementV1 {
		return []string{differs("a statement of the type", statementV1, s.GetType())}
	}
	if s.GetPredicateType() != slipway.SLSAProvenance {
		return []string{differs("a statement on", slipway.SLSAProvenance, s.GetPredicateType())}
	}
	if !names(s, a.Digest) {
		return []string{"expected a statement on " + a.Digest + ", found one on other digests."}
	}
	predicate := s.GetPredicate()
	definition := member(predicate, "buildDefinition")
	var faults []string
	if builder := text(member(member(predicate, "runDetails"), "builder"), "id"); !slices.Contains(g.Builders, builder) {
		faults = append(faults, differs(one(len(g.Builders), "the builder", "one of the builders"), firstOf(g.Builders, 3), builder))
	}
	if found := text(definition, "buildType"); g.BuildType != "" && found != g.BuildType {
		faults = append(faults, differs("the build type", g.BuildType, found))
	}
	return append(faults, parameters(member(definition, "externalParameters"), g.Parameters)...)
}

func names(s *in_toto.Statement, digest string) bool {
	return slices.ContainsFunc(s.GetSubject(), func(d *in_toto.ResourceDescriptor) bool {
		return "sha256:"+d.GetDigest()["sha256"] == digest
	})
}

// parameters compares what the build was asked for from outside with what is
// registered: every value is expected, and every one that is not is refused,
// since it could have made it another build.
func parameters(found *structpb.Struct, expected map[string]string) []string {
	is := map[string]string{}
	flatten(is, "", found)
	var faults, unknown []string
	for _, name := range slices.Sorted(maps.Keys(is)) {
		want, registered := expected[name]
		switch {
		case !registered:
			unknown = append(unknown, shown(name)+" = "+shown(is[name]))
		case is[name] != want:
			faults = append(faults, differs("the parameter "+shown(name), want, is[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		if _, ok := is[name]; !ok {
			faults = append(faults, differs("the parameter "+shown(name), expected[name], ""))
		}
	}
	if len(unknown) > 0 {
		faults = append(faults, fmt.Sprintf("expected no parameters but those registered, found %s.", firstOf(unknown, 5)))
	}
	return faults
}

// flatten names every value by its path: workflow.ref, matrix.0. A name that has
// a point itself is quoted, so that two paths never look alike.
func flatten(into map[string]string, prefix string, s *structpb.Struct) {
	for name, value := range s.GetFields() {
		if name == "" || strings.ContainsAny(name, `."`) {
			name = strconv.Quote(name)
		}
		leaf(into, prefix+name, value)
	}
}

func leaf(into map[string]string, path string, value *structpb.Value) {
	switch v := value.GetKind().(type) {
	case *structpb.Value_StructValue:
		if len(v.StructValue.GetFields()) == 0 {
			into[path] = "{}"
		}
		flatten(into, path+".", v.StructValue)
	case *structpb.Value_ListValue:
		if len(v.ListValue.GetValues()) == 0 {
			into[path] = "[]"
		}
		for i, item := range v.ListValue.GetValues() {
			leaf(into, path+"."+strconv.Itoa(i), item)
		}
	case *structpb.Value_StringValue:
		into[path] = v.StringValue
	case *structpb.Value_BoolValue:
		into[path] = strconv.FormatBool(v.BoolValue)
	case *structpb.Value_NumberValue:
		into[path] = number(v.NumberValue)
	default:
		into[path] = "null"
	}
}

// number writes a number as JSON does. From 2^53 on two different ones could look the
// same.
func number(f float64) string {
	if math.Abs(f) >= 1<<53 {
		return "a number too large to compare"
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

func member(s *structpb.Struct, name string) *structpb.Struct {
	return s.GetFields()[name].GetStructValue()
}

func text(s *structpb.Struct, name string) string { return s.GetFields()[name].GetStringValue() }
