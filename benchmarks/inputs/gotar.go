// gotar lists tars as archive/tar reads them: lengths (32 bits, little endian) and tars in, a line of JSON for each out.

package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
)

type Result struct {
	Error   string          `json:"error,omitempty"`
	Entries [][]interface{} `json:"entries"`
}

func read(data []byte) (result Result) {
	result.Entries = [][]interface{}{}
	reader := tar.NewReader(bytes.NewReader(data))
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			result.Error = err.Error()
			return
		}
		hash := sha256.New()
		n, err := io.Copy(hash, io.LimitReader(reader, 64<<20))
		if err != nil {
			result.Error = "body: " + err.Error()
			return
		}
		result.Entries = append(result.Entries, []interface{}{[]byte(header.Name), string(header.Typeflag), header.Size, n, header.Mode, header.Uid, header.Gid, []byte(header.Linkname), hex.EncodeToString(hash.Sum(nil))})
	}
}

func main() {
	in := bufio.NewReader(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	for {
		var size uint32
		if binary.Read(in, binary.LittleEndian, &size) != nil {
			return
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(in, data); err != nil {
			return
		}
		text, _ := json.Marshal(read(data))
		out.Write(text)
		out.WriteByte('\n')
		out.Flush()
	}
}
