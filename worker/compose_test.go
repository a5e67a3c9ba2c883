package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"

	"sluice/internal/config"
)

// No Docker is needed to see that the compose file can be read and says what
// it should.
func TestTheComposeFile(t *testing.T) {
	text, err := os.ReadFile("../docker-compose.yml")
	require.NoError(t, err)
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  "..",
		ConfigFiles: []types.ConfigFile{{Filename: "docker-compose.yml", Content: text}},
		Environment: types.Mapping{"POSTGRES_PASSWORD": "test"},
	})
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"postgres", "temporal-schema", "temporal", "temporal-namespace", "temporal-ui", "migrate", "worker"}, project.ServiceNames())

	known := make(map[string]bool)
	for _, v := range config.Variables {
		known[v.Name] = true
	}
	pinned := regexp.MustCompile(`:\d+(\.\d+)+$`)
	for name, service := range project.Services {
		if service.Build == nil {
			require.Regexp(t, pinned, service.Image, "the image of %s is pinned", name)
		} else {
			_, err := os.Stat("../" + service.Build.Dockerfile)
			require.NoError(t, err)
		}
		for _, port := range service.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, "%s listens on this machine only", name)
		}
		for variable := range service.Environment {
			if strings.HasPrefix(variable, "SLUICE_") {
				require.True(t, known[variable], "%s sets %s, which nothing reads", name, variable)
			}
		}
		for other := range service.DependsOn {
			require.Contains(t, project.Services, other)
		}
	}
	_, err = loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: "..", ConfigFiles: []types.ConfigFile{{Filename: "docker-compose.yml", Content: text}}, Environment: types.Mapping{},
	})
	require.ErrorContains(t, err, "password of your own", "no password is built in")
}
