package visibility_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"sluice/internal/testenv"
	"sluice/internal/visibility"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// namespace makes a namespace of the test's own, without custom attributes.
func namespace(t *testing.T) (client.Client, string) {
	name := "visibility-" + time.Now().Format("150405.000000000")
	options := client.Options{HostPort: testenv.Temporal(t), Namespace: name}
	admin, err := client.NewNamespaceClient(options)
	require.NoError(t, err)
	defer admin.Close()
	require.NoError(t, admin.Register(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	}))
	c, err := client.NewLazyClient(options)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c, name
}

func TestTheAttributesAreAvailableOnceRegistered(t *testing.T) {
	t.Parallel()
	c, name := namespace(t)
	require.Eventually(t, func() bool { // a new namespace takes a moment
		there, err := visibility.Available(t.Context(), c)
		require.False(t, there)
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)

	require.NoError(t, visibility.Register(t.Context(), c, name))
	require.Eventually(t, func() bool {
		there, err := visibility.Available(t.Context(), c)
		return err == nil && there
	}, 30*time.Second, 50*time.Millisecond)
	require.NoError(t, visibility.Register(t.Context(), c, name), "again")
}

func TestWhereTheyCannotBeRegisteredTheErrorSaysHow(t *testing.T) {
	t.Parallel()
	c, _ := namespace(t)
	require.Eventually(t, func() bool {
		_, err := visibility.Available(t.Context(), c)
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)
	err := visibility.Register(t.Context(), c, "no-such-namespace")
	require.ErrorContains(t, err, "temporal operator search-attribute create --namespace no-such-namespace --name SluiceConnector --type Keyword")
}
