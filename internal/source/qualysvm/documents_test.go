package qualysvm_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/qualys/fo"
	"sluice/internal/source"
	"sluice/internal/source/qualysvm"
	"sluice/internal/transform"
	"sluice/schema"
)

// documents are the root elements of the answers that have records.
var documents = map[string]struct{ stream, record, model string }{
	"HOST_LIST_OUTPUT":                {qualysvm.Host, "HOST", "qualys-vm.host"},
	"HOST_LIST_VM_DETECTION_OUTPUT":   {qualysvm.Detection, "HOST", "qualys-vm.detection"},
	"KNOWLEDGE_BASE_VULN_LIST_OUTPUT": {fo.KnowledgeBase.Name, "VULN", "qualys.knowledgebase"},
}

// leftOut are elements of records that no model has, with the reason.
var leftOut = map[string]string{}

// added are members of records that the vendor does not send.
var added = []string{"DETECTION_LIST.DETECTION.DETECTION_ID"}

// The documents in testdata have every element that Qualys documents. With
// SLUICE_SAMPLES, those in that directory are read as well.
func TestEveryElementOfADocumentIsInARecordAndInTheModel(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"testdata", os.Getenv("SLUICE_SAMPLES")} {
		if dir == "" {
			continue
		}
		read := 0
		require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".xml") {
				return err
			}
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			root, leaves := elements(t, data)
			if document, ok := documents[root]; ok && len(leaves) > 0 {
				t.Run(filepath.Base(path), func(t *testing.T) {
					inRecords(t, data, document.stream, leaves)
					inModel(t, document.model, leaves)
				})
				read++
			}
			return nil
		}))
		require.Positive(t, read, "no document in %s", dir)
	}
}

// noHosts is an empty listing.
const noHosts = `<HOST_LIST_OUTPUT><RESPONSE><DATETIME>2026-05-03T10:00:00Z</DATETIME></RESPONSE></HOST_LIST_OUTPUT>`

// inRecords requires that the records of a document have its leaves, no more and
// no less, and the shapes that the model says.
func inRecords(t *testing.T, data []byte, stream string, leaves []string) {
	vendor := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("details") == "None" {
			_, _ = io.WriteString(w, noHosts)
			return
		}
		_, _ = w.Write(data)
	})
	out := read(t, openAs(t, vendor, pages, "exmpl_jd", "password", nil), source.Request{AssetType: stream})
	require.NoError(t, out.err)
	require.Empty(t, out.setAside)
	require.Empty(t, out.last.Doubt)
	var found []string
	for _, record := range out.records {
		var value map[string]any
		require.NoError(t, json.Unmarshal([]byte(record), &value))
		for _, document := range documents {
			if document.stream == stream {
				found = append(found, members(t, document.model, "", value)...)
			}
		}
	}
	slices.Sort(found)
	slices.Sort(leaves)
	require.Equal(t, leaves, found)
}

func inModel(t *testing.T, name string, leaves []string) {
	model := models().Get(name)
	require.NotNil(t, model, name)
	known := map[string]bool{}
	for _, path := range model.Paths() {
		known[strings.TrimSuffix(strings.ReplaceAll(path, "[]", ""), ".value")] = true
	}
	for _, leaf := range leaves {
		path, _, _ := strings.Cut(leaf, " = ")
		require.True(t, known[path] || leftOut[path] != "", "%s has no %s, and nothing says that it is left out", name, path)
	}
}

// elements lists the leaves of a document's records as "PATH = text", and its
// attributes as if they were leaves.
func elements(t *testing.T, data []byte) (root string, leaves []string) {
	decoder := xml.NewDecoder(bytes.NewReader(data))
	var path []string
	var text strings.Builder
	leaf := false
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return root, leaves
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			path = append(path, token.Name.Local)
			root = path[0]
			text.Reset()
			leaf = true
			for _, a := range token.Attr {
				leaves = appendLeaf(leaves, root, append(slices.Clone(path), a.Name.Local), a.Value)
			}
		case xml.CharData:
			text.Write(token)
		case xml.EndElement:
			if leaf {
				leaves = appendLeaf(leaves, root, path, text.String())
			}
			leaf = false
			path = path[:len(path)-1]
		}
	}
}

// appendLeaf adds what is inside of a record: root, RESPONSE and list stand
// around it.
func appendLeaf(leaves []string, root string, path []string, text string) []string {
	const around = 3
	if len(path) <= around+1 || path[around] != documents[root].record {
		return leaves
	}
	return append(leaves, strings.Join(path[around+1:], ".")+" = "+strings.TrimSpace(text))
}

// members lists the leaves of a record, and requires that lists and objects are
// where the model has them.
func members(t *testing.T, model, path string, value any) (leaves []string) {
	kind := transform.Type("")
	if parsed, err := transform.ParsePath(path); err == nil {
		if f := models().Get(model).Field(parsed); f != nil {
			kind = f.Type
		}
	}
	switch value := value.(type) {
	case map[string]any:
		if path != "" {
			require.Equal(t, transform.Object, kind, path)
		}
		for name, member := range value {
			leaves = append(leaves, members(t, model, strings.TrimPrefix(path+"."+name, "."), member)...)
		}
	case []any:
		require.Equal(t, transform.Array, kind, path)
		for _, element := range value {
			leaves = append(leaves, members(t, model, path+"[]", element)...)
		}
	default:
		require.NotEmpty(t, kind, path)
		require.NotContains(t, []transform.Type{transform.Object, transform.Array}, kind, path)
		path = strings.TrimSuffix(strings.ReplaceAll(path, "[]", ""), ".value")
		if !slices.Contains(added, path) {
			leaves = append(leaves, path+" = "+fmt.Sprint(value))
		}
	}
	return leaves
}

// models are all data models.
var models = sync.OnceValue(func() *transform.Models {
	all, err := transform.LoadModels(schema.Models())
	if err != nil {
		panic(err)
	}
	return all
})
