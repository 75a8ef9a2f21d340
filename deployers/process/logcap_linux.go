package process

import (
	"bytes"
	"os"
	"syscall"
)

const (
	punchHole = 0x2 | 0x1 // FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
	seekData  = 3         // SEEK_DATA
	block     = 4096
)

// capLog gives the disk space of the older half of a log back by punching a
// hole into its front. The child goes on writing at the end, and offsets that
// readers hold stay right, which neither a rename nor a truncation could do. A
// file system that cannot do it makes us truncate: then the log is lost.
func capLog(path string, limit int64) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil || info.Size()-skipHole(file, 0) <= limit {
		return
	}
	cut := (info.Size() - limit/2) / block * block
	if syscall.Fallocate(int(file.Fd()), punchHole, 0, cut) != nil {
		_ = file.Truncate(0)
	}
}

// skipHole moves an offset inside a hole to the first line after it.
func skipHole(file *os.File, offset int64) int64 {
	data, err := file.Seek(offset, seekData)
	if err != nil || data <= offset {
		return offset
	}
	// What is left of the line in which the hole ends may be half of a secret.
	for buffer := make([]byte, block); ; {
		n, err := file.ReadAt(buffer, data)
		if i := bytes.IndexByte(buffer[:n], '\n'); i >= 0 {
			return data + int64(i) + 1
		}
		data += int64(n)
		if err != nil {
			return data
		}
	}
}
