package terraform

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/slipway-dev/slipway/deployers"
)

// logTo has all output of terraform end up in the log of the target.
func (p *place) logTo(tf *tfexec.Terraform) error {
	path := filepath.Join(p.dir, logFile)
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Truncate(path, 0); err != nil {
			return err
		}
	}
	log := appender(path)
	tf.SetStdout(log)
	tf.SetStderr(log)
	return nil
}

// appender opens its file for each piece, so that nobody has to close it.
type appender string

func (a appender) Write(text []byte) (int, error) {
	file, err := os.OpenFile(string(a), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := file.Write(text)
	return n, errors.Join(err, file.Close())
}

// Logs implements deployers.LogReader: what the runs of the target have printed.
// The cursor is an offset.
func (d *Deployer) Logs(ctx context.Context, target deployers.Target, cursor string, limit int) ([]deployers.LogLine, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, cursor, err
	}
	offset := int64(0)
	if cursor != "" {
		var err error
		if offset, err = strconv.ParseInt(cursor, 10, 64); err != nil || offset < 0 {
			return nil, cursor, deployers.Terminal(errors.New("the cursor is not one of ours"))
		}
	}
	file, err := os.Open(filepath.Join(d.place(target).dir, logFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, cursor, nil
	}
	if err != nil {
		return nil, cursor, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, cursor, err
	}
	if offset > info.Size() {
		offset = 0 // a new run has forgotten the old ones
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, cursor, err
	}
	var lines []deployers.LogLine
	reader := bufio.NewReader(file)
	for len(lines) < limit {
		text, err := reader.ReadString('\n')
		if err != nil {
			break // half a line: the rest is still to come
		}
		offset += int64(len(text))
		lines = append(lines, deployers.LogLine{At: info.ModTime(), Source: "terraform", Stream: "stdout", Text: strings.ToValidUTF8(strings.TrimRight(text, "\r\n"), "\uFFFD")})
	}
	if len(lines) == 0 {
		return nil, cursor, nil
	}
	return lines, strconv.FormatInt(offset, 10), nil
}
