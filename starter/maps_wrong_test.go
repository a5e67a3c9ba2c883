package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"sluice/internal/catalog"
)

func TestWhatIsWrongAboutMapsAndModelsIsExplainedInOneLine(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, connector := h.withConnector(smallEstate)
	h.ok("maps", "clone", "qualys-tas-application", "ours")
	h.ok("profiles", "create", "later", "--connector", connector, "--kind", "qualys-was", "--status", "inactive")
	before := okJSON[[]catalog.MapListing](h, "maps", "list")

	file := written(t, "map.yaml", ownMap)
	huge := written(t, "huge.yaml", strings.Repeat("#", maxMapFile+1))
	empty := written(t, "empty.ndjson", "")
	none := written(t, "none.json", "[]")
	prose := written(t, "prose.txt", "It was a dark and stormy night.\nThe rain fell in torrents.\n")
	folder := t.TempDir()
	unknown := written(t, "unknown.yaml", strings.Replace(ownMap, "qualys-tas.application", "qualys-tas.aplication", 1))
	const models = "(known: azure-apim.api, inventory, knowledge, "
	for _, wrong := range []struct {
		line string
		code int
		says string
	}{
		{"models sho", exitUsage, `'sluice models' has no command "sho"; did you mean show? (known: `},
		{"models show", exitUsage, `'sluice models show' needs a model name`},
		{"models show inventroy", exitFailure, `unknown data model "inventroy"; did you mean inventory? ` + models},
		{"models fields qualys-vm", exitFailure, `unknown data model "qualys-vm" ` + models},
		{"models fields inventory --class hots", exitUsage, `--class "hots" is not known; did you mean host? (known: application, apiCollection, api, host)`},
		{"models fields qualys-vm.host --class host", exitUsage, `model qualys-vm.host has no asset classes: leave --class out`},
		{"models list --role sorce", exitUsage, `--role "sorce" is not known; did you mean source? (known: source, target)`},
		{"models list --kind qualys-wsa", exitFailure, `unknown kind "qualys-wsa"; did you mean qualys-was?`},

		{"maps eddit ours", exitUsage, `'sluice maps' has no command "eddit"; did you mean edit? (known: `},
		{"maps show", exitUsage, `'sluice maps show' needs a map name`},
		{"maps show hours", exitFailure, `unknown transform map "hours"; did you mean ours? (known: `},
		{"maps show ours --version 7", exitFailure, `map ours has no version 7: it has 1 to 1`},
		{"maps show ours@7", exitFailure, `map ours has no version 7: it has 1 to 1`},
		{"maps show ours@one", exitUsage, `"one" is no version of a map: give a number from 1, such as ours@1`},
		{"maps show ours --version 0", exitUsage, `"0" is no version of a map: give a number from 1, such as ours@1`},
		{"maps show ours@1 --version 1", exitUsage, `ours@1 and --version both name a version: give only one of them`},
		{"maps show ours --output xml", exitUsage, `--output "xml" is not known; did you mean yaml? (known: table, yaml, csv, json, ndjson)`},
		{"maps clone ours", exitUsage, `'sluice maps clone' needs two names: of the map to copy, and of the copy`},
		{"maps clone hours mine", exitFailure, `unknown transform map "hours"; did you mean ours?`},
		{"maps clone ours Mine", exitFailure, `map name "Mine" cannot be used: at most 63 small letters, digits, '.', '_' and '-', beginning with a letter or digit`},
		{"maps clone ours ours", exitFailure, `there is a map "ours" already: choose another name, or change that one by 'sluice maps edit ours'`},
		{"maps create My --file " + file, exitFailure, `map name "My" cannot be used`},
		{"maps create my", exitUsage, `--source is missing: the source model ('sluice models list --role source' shows them)`},
		{"maps create my --source inventory --target inventory", exitUsage, `--source inventory is a target model: give a source model`},
		{"maps create my --source qualys-tas.application", exitUsage, `--target is missing: the target model`},
		{"maps create my --source qualys-tas.aplication --target inventory", exitFailure, `unknown data model "qualys-tas.aplication"; did you mean qualys-tas.application?`},
		{"maps create my --source qualys-tas.application --target inventory --asset-class hots", exitUsage, `unknown asset class "hots" of model inventory; did you mean host?`},
		{"maps create my --source qualys-tas.application --target inventory", exitFailure, `it is not known which editor to open: set VISUAL or EDITOR, or write the map to a file and read that ('`},
		{"maps edit ours@2", exitFailure, `map ours has no version 2: it has 1 to 1`},
		{"maps edit ours", exitFailure, `it is not known which editor to open`},
		{"maps edit qualys-vm-host", exitFailure, `map qualys-vm-host is one of Sluice's own, which cannot be changed: clone it first ('sluice maps clone qualys-vm-host NAME')`},
		{"maps import " + file + " --name qualys-vm-host", exitFailure, `map qualys-vm-host is one of Sluice's own, which cannot be changed: clone it first`},
		{"maps import nowhere.yaml", exitFailure, `there is no file nowhere.yaml`},
		{"maps import " + huge, exitFailure, huge + ` is larger than 4 MiB: that is no map`},
		{"maps import " + unknown, exitFailure, unknown + `:3:9: `},
		{"maps import " + file + " --name Mine", exitFailure, file + `: map name "Mine" cannot be used`},
		{"maps export ours --output xml", exitUsage, `--output "xml" is not known; did you mean yaml? (known: yaml, csv)`},
		{"maps export ours --output json", exitUsage, `--output "json" is not known`},
		{"maps export ours --file /nowhere/x.yaml", exitFailure, `save /nowhere/x.yaml: there is no folder /nowhere`},
		{"maps export ours --force", exitUsage, `--force is about a file that is there: say which with --file`},
		{"maps validate hours", exitFailure, `unknown transform map "hours"; did you mean ours?`},
		{"maps history hours", exitFailure, `unknown transform map "hours"; did you mean ours?`},
		{"maps rollback ours", exitUsage, `--to is missing: the version to go back to ('`},
		{"maps rollback ours --to 0", exitUsage, `--to 0 is no version: versions are numbered from 1`},
		{"maps rollback ours --to 9", exitFailure, `map ours has no version 9: it has 1 to 1`},
		{"maps rollback qualys-vm-host --to 1", exitFailure, `map qualys-vm-host is one of Sluice's own, which cannot be changed`},
		{"maps delete qualys-vm-host", exitFailure, `map qualys-vm-host is one of Sluice's own, which cannot be deleted`},
		{"maps preview ours", exitUsage, `it is not clear which records are meant: give --profile, or a file with some by --file`},
		{"maps preview ours --profile latr", exitFailure, `unknown profile "latr"; did you mean later?`},
		{"maps preview ours --profile later", exitFailure, `map ours reads qualys-tas.application, but profile later brings WEBAPP (qualys-was.webapp), FINDING (qualys-was.finding), KNOWLEDGEBASE (qualys.knowledgebase)`},
		{"maps preview ours --file records.ndjson --profile later", exitFailure, `map ours reads qualys-tas.application, but profile later brings`},
		{"maps preview ours --file nowhere.ndjson", exitFailure, `there is no file nowhere.ndjson`},
		{"maps preview ours --file " + folder, exitFailure, folder + ` is a folder: give a file`},
		{"maps preview ours --file " + empty, exitFailure, empty + `: it is empty`},
		{"maps preview ours --file " + none, exitFailure, none + ` has no records`},
		{"maps preview ours --file " + prose, exitFailure, prose + `, read as csv with , in utf-8, has no field of qualys-tas.application in its records, only `},
		{"maps preview ours --file " + prose + " --delimiter ab", exitUsage, `delimiter "ab" is not one character`},
		{"maps preview ours --profile later --delimiter ;", exitUsage, `--format, --delimiter, --encoding and --list say how a file is read: say which by --file`},
		{"maps preview ours --file " + empty + " --records 1001", exitUsage, `--records 1001 is out of range: give 1 to 1000`},
		{"maps diff ours --profile later", exitUsage, `'sluice maps diff' needs two maps, such as acme-apps@1 acme-apps@2`},
		{"maps diff ours qualys-vm-host --file " + empty, exitFailure, `ours goes from qualys-tas.application to inventory, and qualys-vm-host from qualys-vm.host to inventory: they cannot be compared`},
		{"maps diff ours ours --file " + empty + " --show -1", exitUsage, `--show -1 cannot be used: give 0 or more`},
		{"profiles create more --connector " + connector + " --kind qualys-tas --map APPLICATION=ours@2", exitUsage, `--map APPLICATION=ours@2: a profile goes by the latest version of its map: give ours alone`},
		{"profiles create more --connector " + connector + " --kind qualys-tas --map APPLICATION=hours", exitFailure, `unknown transform map "hours"; did you mean ours?`},
		{"profiles create more --connector " + connector + " --kind qualys-tas --map APICOLLECTION=ours", exitUsage, `--map APICOLLECTION=ours: map ours reads qualys-tas.application, but APICOLLECTION brings qualys-tas.apiCollection`},
	} {
		t.Run(wrong.line[:min(len(wrong.line), 80)], func(t *testing.T) {
			r := h.run(strings.Fields(wrong.line)...)
			require.Equal(t, wrong.code, r.code, r.err)
			require.Empty(t, r.out)
			lines := strings.Split(strings.TrimSuffix(r.err, "\n"), "\n")
			require.True(t, strings.HasPrefix(lines[0], "sluice: "+wrong.says), lines[0])
			if wrong.code == exitFailure {
				require.Len(t, lines, 1)
			}
		})
	}
	require.Equal(t, before, okJSON[[]catalog.MapListing](h, "maps", "list"), "something wrong was written")
}
