package stories_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// standIns are the programs besides Slipway that a page may call: this test binary
// under their names, so that they need not be installed.
func standIns() map[string]func([]string) error {
	return map[string]func([]string) error{"vault": vaultCLI, "curl": curlCLI}
}

func curlCLI(args []string) error {
	if len(args) != 2 || args[0] != "-s" {
		return fmt.Errorf("no page says curl %s", strings.Join(args, " "))
	}
	if !strings.Contains(args[1], "://") {
		args[1] = "http://" + args[1]
	}
	response, err := http.Get(args[1])
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(os.Stdout, response.Body)
	return err
}

// vaultCLI is Vault's own command line as far as our pages use it: the test bed
// has its server only. Arguments become the body as they do there: names and
// texts, to the first = each.
func vaultCLI(args []string) error {
	var words []string
	flags := map[string]string{}
	for _, arg := range args {
		if name, value, _ := strings.Cut(arg, "="); strings.HasPrefix(arg, "-") && arg != "-" {
			flags[name] = value
			continue
		}
		words = append(words, arg)
	}
	body := map[string]any{}
	command := strings.Join(words[:min(2, len(words))], " ")
	switch {
	case command == "policy write" && len(words) == 4 && words[3] == "-":
		text, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		_, err = vaultCall(http.MethodPut, "sys/policies/acl/"+words[2], map[string]any{"policy": string(text)})
		return err
	case command == "auth enable" && len(words) == 3:
		path := words[2]
		if flags["-path"] != "" {
			path = flags["-path"]
		}
		_, err := vaultCall(http.MethodPost, "sys/auth/"+path, map[string]any{"type": words[2]})
		return err
	case words[0] == "read" && len(words) == 2:
		return vaultPrint(flags["-field"], http.MethodGet, words[1], nil)
	case words[0] == "write" && len(words) >= 2:
		for _, pair := range words[2:] {
			name, value, found := strings.Cut(pair, "=")
			if !found {
				return fmt.Errorf("%q is not name=value", pair)
			}
			body[name] = value
		}
		if _, empty := flags["-f"]; len(body) == 0 && !empty {
			return errors.New("nothing to write; -f says that this is meant")
		}
		return vaultPrint(flags["-field"], http.MethodPut, words[1], body)
	}
	return fmt.Errorf("no page says vault %s", strings.Join(args, " "))
}

func vaultPrint(field, method, path string, body any) error {
	data, err := vaultCall(method, path, body)
	if err != nil || field == "" {
		return err
	}
	if data[field] == nil {
		return fmt.Errorf("the answer has no %s", field)
	}
	fmt.Print(data[field])
	return nil
}

func vaultCall(method, path string, body any) (map[string]any, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(method, os.Getenv("VAULT_ADDR")+"/v1/"+path, bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	request.Header.Set("X-Vault-Token", os.Getenv("VAULT_TOKEN"))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= http.StatusBadRequest {
		return nil, errors.Join(err, fmt.Errorf("%s %s: %s %s", method, path, response.Status, text))
	}
	var answer struct {
		Data map[string]any `json:"data"`
	}
	if len(text) > 0 {
		err = json.Unmarshal(text, &answer)
	}
	return answer.Data, err
}
