package transform

import "time"

// Asset is a record of the target model: one asset with its findings, as the
// inventory takes it. The fields are those that every class of asset has a
// column for; what a map adds under asset.assetDetail.attributes is in
// Attributes. An empty string or zero time means that the source had none.
type Asset struct {
	ExternalID       string // asset.assetHeader.externalAssetId; never empty
	Name             string // asset.assetDetail.name
	BaseURL          string // asset.assetDetail.applicationAssetClass.baseUrl, or of an API apiAssetClass.url
	SpecificationURL string // asset.assetDetail.apiCollectionAssetClass.specificationUrl
	SourceCreatedAt  time.Time
	SourceUpdatedAt  time.Time
	IPAddress        string // asset.assetDetail.hostAssetClass.ipAddress
	DNSName          string // asset.assetDetail.hostAssetClass.dnsName
	OperatingSystem  string // asset.assetDetail.hostAssetClass.operatingSystem
	// SpecificationHash is that of a document that came with the record
	// (asset.assetDetail.apiAssetClass.specificationHash).
	SpecificationHash string
	Attributes        []byte // JSON object with sorted keys, or nil

	// LastScannedAt moves at every scan; it is no part of the asset's content.
	LastScannedAt time.Time

	// FindingsListed says that the record carried its list of findings, if
	// only an empty one. Where the list itself is missing nothing is known of
	// the asset's findings, and none of them may be taken for gone.
	FindingsListed bool
	Findings       []Finding
}

// Finding is a finding of the target model. An empty string, zero time or zero
// number means that the source had none.
type Finding struct {
	ExternalID   string    // findingGroup.findings[].externalFindingId; never empty
	Name         string    // findingGroup.findings[].name
	Status       string    // findingGroup.findings[].status: one of the target model's values
	FirstFoundAt time.Time // findingGroup.findings[].firstFoundAt
	QID          int32     // findingGroup.findings[].qid: from 1
	Severity     int16     // findingGroup.findings[].severity: 1 (lowest) to 5
	Attributes   []byte    // JSON object with sorted keys, or nil

	// What moves at every scan is no part of the finding's content.
	TimesFound   int32
	LastFoundAt  time.Time
	LastTestedAt time.Time
}

// Fixed is the status of a finding that is not open any more.
const Fixed = "FIXED"

// Vulnerability is an entry of the knowledge base (target model "knowledge").
type Vulnerability struct {
	QID        int32  // vulnerability.qid: from 1
	Title      string // vulnerability.title
	Severity   int16  // vulnerability.severity: 1 (lowest) to 5; 0 for none
	ModifiedAt time.Time
	Attributes []byte // JSON object with sorted keys, or nil
}

// A Reject is a record, or a finding of a record, that a map could not be
// applied to.
type Reject struct {
	// AssetID and FindingID are the external ids, as far as they are known. Of
	// an entry of the knowledge base AssetID is its QID.
	AssetID   string
	FindingID string
	// Finding is the position of the finding in its record: 0 where the record
	// is one finding, -1 when the whole record is rejected.
	Finding int
	Row     string // the map's row, "findings[].severity -> findingGroup.findings[].severity"
	Value   string // the offending value as JSON, bounded
	Reason  string
}
