package process

import "syscall"

// What statfs calls the file systems that are in memory.
const (
	tmpfs = 0x01021994
	ramfs = 0x858458f6
)

// isMemory reports whether files of a directory are in memory and on no disk.
func isMemory(dir string) bool {
	var is syscall.Statfs_t
	if syscall.Statfs(dir, &is) != nil {
		return false
	}
	kind := uint32(is.Type) // its width depends on the processor
	return kind == tmpfs || kind == ramfs
}
