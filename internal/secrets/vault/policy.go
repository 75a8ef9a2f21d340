package vault

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/slipway-dev/slipway/internal/slipway"
)

// Policy is the least that Slipway's role needs: the paths of the template below
// the mount and nothing beside them. It may be given to Vault as it is:
//
//	slipway vault policy | vault policy write slipway -
func Policy(mount string, paths slipway.SecretPaths) string {
	below := string(cmp.Or(paths, slipway.DefaultSecretPaths))
	var parts []string
	for _, part := range strings.Split(below, "/") {
		if strings.Contains(part, "{") {
			part = "+" // which stands for a whole part of a path, so nothing around the word is kept
		}
		parts = append(parts, part)
	}
	path := strings.Join(parts, "/")
	mount = cmp.Or(mount, "secret")
	var b strings.Builder
	rule := func(kind, why string, capabilities ...string) {
		fmt.Fprintf(&b, "# %s\npath \"%s/%s/%s\" {\n  capabilities = [\"%s\"]\n}\n\n", why, mount, kind, path, strings.Join(capabilities, `", "`))
	}
	rule("data", "set, change and, when a deployment needs it, read", "create", "update", "patch", "read")
	rule("subkeys", "the names of keys without their values", "read")
	rule("metadata", "which versions there are", "read")
	rule("delete", "take a version away, which can be undone", "update")
	rule("undelete", "and undo it", "update")
	rule("destroy", "take a version away for good", "update")
	return strings.TrimSuffix(b.String(), "\n")
}
