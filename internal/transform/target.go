package transform

import "time"

// Asset is a record of the target model: one asset with its findings, as the
// inventory takes it. The fields are those that every class of asset has a
// column for; what a map adds under asset.assetDetail.attributes is in
// Attributes. An empty string or zero time means that the source had none.
type Asset struct {
	ExternalID       string // asset.assetHeader.externalAssetId; never empty
	Name             string // asset.assetDetail.name
	BaseURL          string // asset.assetDetail.applicationAssetClass.baseUrl
	SpecificationURL string // asset.assetDetail.apiCollectionAssetClass.specificationUrl
	SourceCreatedAt  time.Time
	SourceUpdatedAt  time.Time
	Attributes       []byte // JSON object with sorted keys, or nil

	// FindingsListed says that the record carried its list of findings, if
	// only an empty one. Where the list itself is missing nothing is known of
	// the asset's findings, and none of them may be taken for gone.
	FindingsListed bool
	Findings       []Finding
}

// Finding is a finding of the target model.
type Finding struct {
	ExternalID string // findingGroup.findings[].externalFindingId; never empty
	Name       string // findingGroup.findings[].name
	Severity   int16  // findingGroup.findings[].severity: 1 (lowest) to 5; 0 when the map has no such row
	Attributes []byte // JSON object with sorted keys, or nil
}

// A Reject is a record, or a finding of a record, that a map could not be
// applied to.
type Reject struct {
	// AssetID and FindingID are the external ids, as far as they are known.
	AssetID   string
	FindingID string
	// Finding is the position of the finding in its record; -1 when the whole
	// record is rejected.
	Finding int
	Row     string // the map's row, "findings[].severity -> findingGroup.findings[].severity"
	Value   string // the offending value as JSON, bounded
	Reason  string
}
