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
	return policy(mount, paths, map[string]string{
		"data": "set, change and, when a deployment needs it, read", "subkeys": "the names of keys without their values", "metadata": "which versions there are",
		"delete": "take a version away, which can be undone", "undelete": "and undo it", "destroy": "take a version away for good"})
}

// PeoplePolicy is the most that people need who use Vault in their own names, by a
// role that trusts Slipway. What Slipway does not let them do it does not ask for;
// a policy may have less, and there may be several, for groups or for paths.
func PeoplePolicy(mount string, paths slipway.SecretPaths) string {
	return policy(mount, paths, map[string]string{
		"data":    "create, update and patch to set keys; read to reveal them, to compare values and to roll back",
		"subkeys": "read to see the names of keys", "metadata": "read to see which versions there are",
		"delete": "to delete versions", "undelete": "to bring them back", "destroy": "to destroy them: leave it out for who must not"})
}

func policy(mount string, paths slipway.SecretPaths, why map[string]string) string {
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
	rule := func(kind string, capabilities ...string) {
		fmt.Fprintf(&b, "# %s\npath \"%s/%s/%s\" {\n  capabilities = [\"%s\"]\n}\n\n", why[kind], mount, kind, path, strings.Join(capabilities, `", "`))
	}
	rule("data", "create", "update", "patch", "read")
	rule("subkeys", "read")
	rule("metadata", "read")
	rule("delete", "update")
	rule("undelete", "update")
	rule("destroy", "update")
	return strings.TrimSuffix(b.String(), "\n")
}
