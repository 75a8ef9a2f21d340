package bench

import "strings"

// releaseScript is the transaction in which a release becomes known, statement
// for statement as the store sends it. Words in braces stand for values.
const releaseScript = `SELECT * FROM services WHERE name = {service};
SELECT * FROM bindings WHERE (subject_kind = 'user' AND subject_name = 'u-9a9a37b0689416d2') OR subject_kind = 'everyone'
	OR (subject_kind = 'group' AND subject_name IN ('developers')) ORDER BY id;
SELECT * FROM releases WHERE service = {service} AND version = {version};
SELECT name FROM services WHERE name = {service}{lock};
SELECT coalesce(max(seq), 0) AS seq FROM releases WHERE service = {service};
INSERT INTO releases (service, version, seq, content, blocked, created_by, created_at) SELECT {service}, {version},
	(SELECT coalesce(max(seq), 0) + 1 FROM releases WHERE service = {service}), '{content}', NULL, 'Jonas Lind', '{now}'
	WHERE true ON CONFLICT DO NOTHING;
INSERT INTO audit_heads (chain, seq, hash) VALUES ({team}, 0, '') ON CONFLICT (chain) DO UPDATE SET chain = excluded.chain RETURNING seq, hash;
INSERT INTO audit (chain, seq, at, actor_kind, actor_id, actor_name, token_id, via, request_id, address, action, team, service, environment,
	subject, summary, detail, previous, hash) SELECT chain, seq + 1, '{now}', 'user', 'u-9a9a37b0689416d2', 'Jonas Lind', '0ZJzWxSyEMo', 'rest',
	'06H1XJ0DQNATGBET', '127.0.0.1', 'release.created', {team}, {service}, '', 'release ' || {version}, 'created release ' || {version},
	'{content}', hash, '{hash}' FROM audit_heads WHERE chain = {team} ON CONFLICT DO NOTHING RETURNING id;
UPDATE audit_heads SET seq = seq + 1, hash = '{hash}' WHERE chain = {team};
SELECT * FROM releases WHERE service = {service} AND version = {version};
{order}INSERT INTO events (at, kind, team, service, environment, deployment, actor, message, detail) VALUES ('{now}', 'release.created', {team},
	{service}, '', 0, 'Jonas Lind', 'created release ' || {version}, NULL) ON CONFLICT DO NOTHING RETURNING id;
`

// fill puts values into the script. Those that differ from one transaction to
// the next are expressions of the database that is to run it. A colon within
// the text of others is written as that database wants it.
func fill(script, colon string, differ ...string) string {
	same := []string{"{now}", "2026-11-27T20:52:36.928504Z", "{hash}", strings.Repeat("8a8f24d0", 8), "{content}",
		`{"artifacts":[{"name":"app","reference":"registry.example.com/app","digest":"sha256:` + strings.Repeat("ab", 32) + `"}],"reversible":true}`}
	for i := 1; i < len(same); i += 2 {
		same[i] = strings.ReplaceAll(same[i], ":", colon)
	}
	return strings.NewReplacer(append(same, differ...)...).Replace(script)
}

// pgbenchScript is the script in the language of pgbench, which takes every word
// behind a colon for a variable.
func pgbenchScript() string {
	return "\\set n random(0, 89)\n\\set v random(1, 1000000000000)\nBEGIN;\n" + fill(strings.ReplaceAll(releaseScript, "'{now}'", "now()"), "' || chr(58) || '",
		"{service}", `('service-' || lpad(:n::text, 5, '0'))`, "{team}", `('team-' || lpad((:n::int / 10)::text, 3, '0'))`,
		"{version}", `('9.' || :client_id || '.' || :v)`, "{lock}", " FOR NO KEY UPDATE",
		"{order}", "SELECT pg_advisory_xact_lock(1, hashtext(current_schema())), pg_notify('bench_events', current_schema());\n") + "COMMIT;\n"
}

// sqliteScript has named parameters, and no locks: its writer is alone.
func sqliteScript() []string {
	return strings.Split(strings.TrimSuffix(strings.TrimSpace(fill(releaseScript, ":",
		"{service}", ":service", "{team}", ":team", "{version}", ":version", "{lock}", "", "{order}", "")), ";"), ";\n")
}
