package rest

func (s *Surface) renderDocs() ([]byte, error) {
	return []byte("<!doctype html><title>Slipway API</title>"), nil
}

const docsCSS = ""
