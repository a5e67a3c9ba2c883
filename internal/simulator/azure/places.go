package azure

import (
	"net/http"
	"strings"
	"time"

	"sluice/internal/simulator/azure/estate"
	"sluice/internal/simulator/azure/tree"
)

func (q *request) listSubscriptions() {
	rows := []row{}
	for _, s := range q.world.Subscriptions {
		if q.app.WithoutRole || q.app.TenantID != s.TenantID || q.hidden(s.Path()) {
			continue
		}
		rows = append(rows, row{object: func() tree.Object { return subscriptionObject(s) }})
	}
	q.answerPage(rows, false)
}

// hidden tells whether a list leaves something out because it cannot be read.
func (q *request) hidden(path string) bool {
	return q.settings.HideUnreadable && within(path, q.settings.Unreadable)
}

func (q *request) getSubscription() { q.reply(subscriptionObject(q.target.subscription)) }

func subscriptionObject(s *estate.Subscription) tree.Object {
	return tree.Of(
		"id", s.Path(), "authorizationSource", "RoleBased", "managedByTenants", []any{},
		"tags", tree.Of("department", strings.Fields(s.Name)[0]),
		"subscriptionId", s.ID, "tenantId", s.TenantID, "displayName", s.Name, "state", s.State,
		"subscriptionPolicies", tree.Of("locationPlacementId", "Public_2014-09-01", "quotaId", "EnterpriseAgreement_2014-09-01", "spendingLimit", "Off"),
	)
}

func (q *request) listGroups() {
	rows := []row{}
	for _, g := range q.world.Groups {
		if g.Subscription == q.target.subscription && !q.hidden(g.Path()) {
			rows = append(rows, row{object: func() tree.Object { return groupObject(g) }})
		}
	}
	q.answerPage(rows, false)
}

func (q *request) getGroup() { q.reply(groupObject(q.target.group)) }

func groupObject(g *estate.Group) tree.Object {
	return tree.Of(
		"id", g.Path(), "name", g.Name, "type", "Microsoft.Resources/resourceGroups", "location", g.Location,
		"tags", tree.Of("owner", "team-"+g.Location), "properties", tree.Of("provisioningState", "Succeeded"),
	)
}

// services in the subscription or group that the path names.
func (q *request) services() []*estate.Service {
	var out []*estate.Service
	for _, s := range q.world.Services {
		if s.Group.Subscription == q.target.subscription && (q.target.group == nil || s.Group == q.target.group) && !q.hidden(s.Path()) {
			out = append(out, s)
		}
	}
	return out
}

func (q *request) listServices() {
	rows := []row{}
	for _, s := range q.services() {
		rows = append(rows, row{object: func() tree.Object { return q.serviceObject(s) }})
	}
	q.answerPage(rows, false)
}

// listResources has the services only: nothing else is simulated. Each group has
// a storage account besides, so that a filter shows.
func (q *request) listResources() {
	if q.query.Get("$top") != "" && q.query.Get("$filter") != "" { // documented: may not combine
		q.refuse(http.StatusBadRequest, "InvalidQueryParameter", "$top cannot be combined with $filter.")
		return
	}
	rows := []row{}
	add := func(g *estate.Group, id, kind, name, location string, more ...any) {
		rows = append(rows, row{
			fields: func() map[string]any {
				return map[string]any{"resourcetype": kind, "name": name, "location": location, "resourcegroup": g.Name}
			},
			object: func() tree.Object {
				return append(tree.Of("id", id, "name", name, "type", kind, "location", location), tree.Of(more...)...)
			},
		})
	}
	for _, g := range q.world.Groups {
		if g.Subscription == q.target.subscription && (q.target.group == nil || g == q.target.group) && !q.hidden(g.Path()) {
			name := "st" + strings.ReplaceAll(g.Name, "-", "")
			add(g, g.Path()+"/providers/Microsoft.Storage/storageAccounts/"+name, "Microsoft.Storage/storageAccounts", name, g.Location, "kind", "StorageV2")
		}
	}
	for _, s := range q.services() {
		add(s.Group, q.serviceID(s), serviceType, s.Name, strings.ToLower(strings.ReplaceAll(s.Location(), " ", "")), "sku", sku(s), "tags", s.Tags)
	}
	q.answerPage(rows, false)
}

const serviceType = "Microsoft.ApiManagement/service"

func sku(s *estate.Service) tree.Object {
	capacity := 1
	if s.Tier == estate.Consumption {
		capacity = 0
	}
	return tree.Of("name", string(s.Tier), "capacity", capacity)
}

// serviceID is the id as answers write it: its case is not to be relied upon.
func (q *request) serviceID(s *estate.Service) string {
	if q.settings.LowerCaseIDs {
		return strings.Replace(s.Path(), "/resourceGroups/", "/resourcegroups/", 1)
	}
	return s.Path()
}

func (q *request) getService() {
	q.W.Header().Set("ETag", `"`+q.target.service.ETag()+`"`)
	q.reply(q.serviceObject(q.target.service))
}

// platforms of the tiers that are not stv2.
var platforms = map[estate.Tier]string{estate.Consumption: "mtv1", estate.BasicV2: "stv2.1", estate.StandardV2: "stv2.1"}

// serviceObject has what is recorded for a service of the Consumption tier, with
// its null members.
func (q *request) serviceObject(s *estate.Service) tree.Object {
	state := "Succeeded"
	if within(s.Path(), q.settings.Activating) {
		state = "Activating"
	}
	platform := "stv2"
	if known := platforms[s.Tier]; known != "" {
		platform = known
	}
	hosts := []any{hostname(strings.TrimPrefix(s.GatewayURL, "https://"), "BuiltIn", s.CustomHost == "")}
	if s.CustomHost != "" {
		hosts = append(hosts, hostname(s.CustomHost, "KeyVault", true))
	}
	var portal, oldest any
	if s.Tier != estate.Consumption {
		portal = "https://" + s.Name + ".developer.azure-api.net"
	}
	if s.MinAPIVersion != "" {
		oldest = s.MinAPIVersion
	}
	created := time.Unix(s.Created, 0).UTC().Format("2006-01-02T15:04:05.0000000Z")
	return tree.Of(
		"etag", s.ETag(),
		"properties", tree.Of(
			"publisherEmail", "apis@contoso-simulated.example", "publisherName", "Contoso",
			"notificationSenderEmail", "apimgmt-noreply@mail.example",
			"provisioningState", state, "targetProvisioningState", "", "createdAtUtc", created,
			"gatewayUrl", s.GatewayURL, "gatewayRegionalUrl", nil, "portalUrl", nil, "developerPortalUrl", portal,
			"managementApiUrl", nil, "scmUrl", nil, "hostnameConfigurations", hosts,
			"publicIPAddresses", nil, "privateIPAddresses", nil, "additionalLocations", nil, "virtualNetworkConfiguration", nil,
			"customProperties", tree.Of("Microsoft.WindowsAzure.ApiManagement.Gateway.Security.Protocols.Tls10", "False"),
			"virtualNetworkType", "None", "certificates", nil, "disableGateway", false, "natGatewayState", "Disabled",
			"apiVersionConstraint", tree.Of("minApiVersion", oldest),
			"publicNetworkAccess", "Enabled", "privateEndpointConnections", nil, "platformVersion", platform,
		),
		"sku", sku(s), "identity", nil, "zones", nil,
		"systemData", tree.Of("createdBy", "admin@contoso-simulated.example", "createdByType", "User", "createdAt", created),
		"id", q.serviceID(s), "name", s.Name, "type", serviceType, "location", s.Location(), "tags", s.Tags,
	)
}

func hostname(name, source string, def bool) tree.Object {
	return tree.Of("type", "Proxy", "hostName", name, "encodedCertificate", nil, "keyVaultId", nil, "certificatePassword", nil,
		"negotiateClientCertificate", false, "certificate", nil, "defaultSslBinding", def, "identityClientId", nil,
		"certificateSource", source, "certificateStatus", nil)
}

func (q *request) listWorkspaces() {
	rows := []row{}
	for _, name := range q.target.service.Workspaces {
		if !q.hidden(q.target.service.Path() + "/workspaces/" + name) {
			rows = append(rows, plain(q.workspaceObject(name)))
		}
	}
	q.answerPage(rows, true)
}

func (q *request) getWorkspace() { q.pretty(q.workspaceObject(q.workspace())) }

func (q *request) workspaceObject(name string) tree.Object {
	return tree.Of("id", q.target.service.Path()+"/workspaces/"+name, "type", serviceType+"/workspaces", "name", name,
		"properties", tree.Of("displayName", "Workspace of the "+strings.ReplaceAll(name, "-", " "), "description", nil))
}
