package azure

// A Cloud is one of Azure's clouds: where tokens are given, where its
// management API is, and whose links to exported documents are followed.
type Cloud struct {
	Name      string // value of FieldCloud
	Authority string // gives the tokens
	ARM       string // Azure Resource Manager, the management API
	// Audience is whom tokens are for: ARM's "resource" at version 1 of the
	// token endpoint. With ".default" it is the scope at version 2.
	Audience string
	// BlobSuffix ends the host names of the cloud's blob storage.
	BlobSuffix string
}

// Clouds are those that there are (Azure documentation: "National clouds" and
// azcore's package cloud). The blob suffixes of the last two are inferred from
// the storage endpoints of these clouds.
var Clouds = []Cloud{
	{
		Name:      "public",
		Authority: "https://login.microsoftonline.com", ARM: "https://management.azure.com",
		Audience: "https://management.azure.com/", BlobSuffix: "blob.core.windows.net",
	},
	{
		Name:      "usgov",
		Authority: "https://login.microsoftonline.us", ARM: "https://management.usgovcloudapi.net",
		Audience: "https://management.core.usgovcloudapi.net/", BlobSuffix: "blob.core.usgovcloudapi.net",
	},
	{
		Name:      "china",
		Authority: "https://login.chinacloudapi.cn", ARM: "https://management.chinacloudapi.cn",
		Audience: "https://management.core.chinacloudapi.cn/", BlobSuffix: "blob.core.chinacloudapi.cn",
	},
}

func cloudNames() []string {
	names := make([]string, len(Clouds))
	for i, c := range Clouds {
		names[i] = c.Name
	}
	return names
}

// findCloud returns the cloud of that name; without a name, the public one.
func findCloud(name string) (Cloud, bool) {
	if name == "" {
		return Clouds[0], true
	}
	for _, c := range Clouds {
		if c.Name == name {
			return c, true
		}
	}
	return Cloud{}, false
}
