package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// folder is where files are written that must be whole, durable and new. A file
// is written under a temporary name, synced, and only then given its name, which
// fails if there is one; the names are durable after sync. What the system does:
//
//	openat(O_CREAT|O_EXCL) write fsync linkat unlinkat ... fsync(folder)
type folder struct {
	path string
	temp string // where files are written before they get their names
}

// openFolder gives a folder that exists.
func openFolder(path string) (*folder, error) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		err = errors.New("it is not a folder")
	}
	if err != nil {
		return nil, refuse(path, reasonOf(err), "name a folder that exists")
	}
	return &folder{path: path, temp: path}, nil
}

// makeFolder gives a folder that is made if need be; its parent exists.
func makeFolder(path string) (*folder, error) {
	path = filepath.Clean(path) // the parent of x/ is not x
	err := os.Mkdir(path, 0o700)
	switch {
	case err == nil:
		parent := folder{path: filepath.Dir(path)}
		if err := parent.sync(); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrExist):
		return nil, refuse(path, reasonOf(err), "name a folder whose parent exists and can be written to")
	}
	return openFolder(path)
}

// create makes the file name with what write writes.
func (d *folder) create(name string, write func(io.Writer) error) (err error) {
	path := filepath.Join(d.path, name)
	if _, err := os.Lstat(path); err == nil {
		return existsFault(path)
	}
	f, err := os.CreateTemp(d.temp, ".daybook-*")
	if err != nil {
		return refuse(d.temp, reasonOf(err), "name a folder that can be written to")
	}
	defer func() {
		if e := errors.Join(f.Close(), os.Remove(f.Name())); err == nil && e != nil {
			err = fail(path, e, "")
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fail(path, reasonOf(err), "")
	}
	if err := os.Link(f.Name(), path); errors.Is(err, fs.ErrExist) {
		return existsFault(path)
	} else if err != nil {
		return fail(path, err, "")
	}
	return nil
}

// sync makes the names of the files durable.
func (d *folder) sync() error {
	f, err := os.Open(d.path)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}

func existsFault(path string) *fault {
	return refuse(path, errors.New("there is such a file already"), "nothing is overwritten: choose another name, or remove it")
}

// reasonOf leaves out of a file's error what the fault says anyway: the path.
func reasonOf(err error) error {
	if reason, ok := errors.AsType[*fs.PathError](err); ok {
		return reason.Err
	}
	return err
}
