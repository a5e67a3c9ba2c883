package qualysvm_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/fault"
	"sluice/internal/qualys"
	"sluice/internal/source"
	"sluice/internal/source/qualysvm"
)

// TestSecretsAreInNothingThatIsShown, wherever an answer repeats them.
func TestSecretsAreInNothingThatIsShown(t *testing.T) {
	t.Parallel()
	const password = "a & \"secret\" word"
	basic := base64.StdEncoding.EncodeToString([]byte("exmpl_jd:" + password))
	for name, body := range map[string]string{
		"a web page":         "<html>%s</html>",
		"another root":       "<OTHER>%s</OTHER>",
		"an error":           "<SIMPLE_RETURN><RESPONSE><CODE>1777</CODE><TEXT>%s</TEXT></RESPONSE></SIMPLE_RETURN>",
		"an error in a page": "401\n<html><title>%s</title></html>",
		"a warning":          inRoot("HOST_LIST_OUTPUT", hostsOf(1)+"<WARNING><CODE>1234</CODE><TEXT>%s</TEXT></WARNING>"),
		"a truncation":       inRoot("HOST_LIST_OUTPUT", hostsOf(1)+"<WARNING><CODE>1980</CODE><URL>https://h/?password=%s</URL></WARNING>"),
		"a host without id":  inRoot("HOST_LIST_OUTPUT", "<HOST_LIST><HOST><OS>%s</OS></HOST></HOST_LIST>"),
		"a host too large":   inRoot("HOST_LIST_OUTPUT", "<HOST_LIST><HOST><ID>1</ID><OS>%s</OS><DNS>"+strings.Repeat("x", 5<<10)+"</DNS></HOST></HOST_LIST>"),
		"a host cut short":   "<HOST_LIST_OUTPUT><RESPONSE><HOST_LIST><HOST><ID>1</ID><OS>%s</OS></HOS>",
		"no id":              "<HOST_LIST_OUTPUT><RESPONSE><ID_SET><ID>%s</ID></ID_SET></RESPONSE></HOST_LIST_OUTPUT>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.FormValue("details") == "None" && name != "no id" {
					fmt.Fprint(w, inRoot("HOST_LIST_OUTPUT", "<ID_SET><ID>1</ID></ID_SET>"))
					return
				}
				text := body
				if rest, found := strings.CutPrefix(text, "401\n"); found {
					w.WriteHeader(http.StatusUnauthorized)
					text = rest
				}
				fmt.Fprintf(w, text, r.Header.Get("Authorization")+" "+strings.ReplaceAll(password, "&", "&amp;"))
			})
			o := pages
			o.Limits.Record = 4 << 10
			session := openAs(t, address, o, "exmpl_jd", password, map[string]string{qualys.FieldConcurrency: "1"})
			out := read(t, session, source.Request{AssetType: qualysvm.Host})
			shown := []string{out.last.Doubt}
			if f := fault.As(out.err); f != nil {
				shown = append(shown, out.err.Error(), f.Detail)
			}
			for _, s := range out.setAside {
				shown = append(shown, s.Reason, s.Head)
			}
			require.NotEmpty(t, strings.Join(shown, ""))
			for _, text := range shown {
				require.NotContains(t, text, basic)
				require.NotContains(t, text, "secret")
			}
		})
	}
}
