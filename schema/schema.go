// Package schema holds, as files, what the rest of Sluice goes by: the SQL
// migrations of the database, the data models of the sources and of the
// inventory, and the default transform maps.
package schema

import (
	"embed"
	"io/fs"
)

//go:embed migrations/*.sql models/*.yaml maps/*.yaml
var files embed.FS

// Migrations returns the SQL migrations, named NNNNN_words.sql.
func Migrations() fs.FS { return folder("migrations") }

// Models returns the data models, one a YAML file.
func Models() fs.FS { return folder("models") }

// Maps returns the default transform maps, one a YAML file.
func Maps() fs.FS { return folder("maps") }

func folder(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil {
		panic(err) // only for a name that is not a valid path
	}
	return sub
}
