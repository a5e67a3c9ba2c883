package catalog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"

	"sluice/internal/schedule"
)

// Profile says which kind of data a connector brings into the inventory, and
// by which transform maps.
type Profile struct {
	ID          int64             `json:"-"`
	Name        string            `json:"name"`
	Description string            `json:"description"`
	ConnectorID int64             `json:"-"`
	Connector   string            `json:"connector"`
	Kind        string            `json:"kind"`
	AssetTypes  []string          `json:"assetTypes"`
	Maps        map[string]string `json:"maps"` // asset type -> transform map
	// Filters narrow what is read: values by source.Filter.Name.
	Filters map[string][]string `json:"filters,omitempty"`
	Active  bool                `json:"active"`
	// ConnectorActive: an inactive connector's profiles do not run.
	ConnectorActive bool `json:"-"`
	// Schedule says when it runs by itself; nil: only when it is told to.
	Schedule *schedule.Spec `json:"schedule"`
	Policy
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// Policy holds a profile's limits.
type Policy struct {
	// FullEveryHours is the age of the last full run at which mode auto reads
	// everything again, because a delta run cannot see everything.
	FullEveryHours int32 `json:"fullEveryHours"`
	// RetireAfter is how many further complete full runs a stale asset is
	// given before it is retired.
	RetireAfter int32 `json:"retireAfter"`
	// ShrinkPercent is the share of known assets that may go stale in one
	// run; more stops the marking.
	ShrinkPercent int32 `json:"shrinkPercent"`
	// RejectPercent is the share of records that may be rejected; more fails
	// the stream, within lifecycle.TooManyRejected. What was written stays.
	RejectPercent int32 `json:"rejectPercent"`
	// AbsentFindings is "fixed" or "preserve": what becomes of a finding that
	// its asset no longer has.
	AbsentFindings string `json:"absentFindings"`
}

// DefaultPolicy is what a profile gets where it says nothing.
var DefaultPolicy = Policy{FullEveryHours: 7 * 24, RetireAfter: 2, ShrinkPercent: 20, RejectPercent: 5, AbsentFindings: "fixed"}

// Runs says whether runs of the profile are let start.
func (p Profile) Runs() bool { return p.Active && p.ConnectorActive }

// filters is what is stored: an object even when there are none.
func (p Profile) filters() map[string][]string {
	if p.Filters == nil {
		return map[string][]string{}
	}
	return p.Filters
}

var profileName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// CheckProfileName says whether a profile can have that name: it becomes part
// of workflow ids.
func CheckProfileName(name string) error {
	if profileName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("profile name %q cannot be used: at most 63 small letters, digits, '.', '_' and '-', beginning with a letter or digit", name)
}

const profileQuery = `
	SELECT p.id, p.name, p.description, p.connector_id, c.name AS connector, p.kind, p.asset_types, p.maps, p.filters, p.active, c.active, p.schedule,
	       p.full_every_hours, p.retire_after, p.shrink_percent, p.reject_percent, p.absent_findings,
	       p.created_at, p.updated_at
	  FROM profiles p JOIN connectors c ON c.id = p.connector_id`

// CreateProfile stores a profile. It refuses one that would write the same
// asset type of the same connector as another active profile by a different
// map, or the knowledge base, which a connector's kinds share: each run would
// undo the other's work.
func (s *Store) CreateProfile(ctx context.Context, p Profile) error {
	if err := CheckProfileName(p.Name); err != nil {
		return err
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := checkRival(ctx, tx, p); err != nil {
			return err
		}
		if err := checkMaps(ctx, tx, p.Maps); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO profiles (name, description, connector_id, kind, asset_types, maps, filters, active, schedule,
			                      full_every_hours, retire_after, shrink_percent, reject_percent, absent_findings)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
			p.Name, p.Description, p.ConnectorID, p.Kind, p.AssetTypes, p.Maps, p.filters(), p.Active, p.Schedule,
			p.FullEveryHours, p.RetireAfter, p.ShrinkPercent, p.RejectPercent, p.AbsentFindings)
		return err
	})
	if violates(err, "profiles_name_key") {
		return fmt.Errorf("there is a profile %q already: choose another name, or delete it first", p.Name)
	}
	if err != nil {
		return fmt.Errorf("create profile %s: %w", p.Name, err)
	}
	return nil
}

// UpdateProfile changes a profile and returns it as it is then. What it is
// called, its connector and its kind stay. It refuses what CreateProfile
// refuses, and nothing is changed when change returns an error. A run under
// way goes by the profile as it was when it began.
func (s *Store) UpdateProfile(ctx context.Context, name string, change func(*Profile) error) (Profile, error) {
	p, err := s.Profile(ctx, name)
	if err != nil {
		return p, err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, profileQuery+" WHERE p.id = $1 FOR UPDATE OF p", p.ID)
		if err != nil {
			return err
		}
		if p, err = pgx.CollectExactlyOneRow(rows, scanProfile); err != nil {
			return err
		}
		before := maps.Clone(p.Maps)
		if err := change(&p); err != nil {
			return err
		}
		if err := checkRival(ctx, tx, p); err != nil {
			return err
		}
		if !maps.Equal(p.Maps, before) {
			if err := checkMaps(ctx, tx, p.Maps); err != nil {
				return err
			}
		}
		return tx.QueryRow(ctx, `
			UPDATE profiles
			   SET description = $2, asset_types = $3, maps = $4, filters = $5, active = $6, schedule = $7, full_every_hours = $8,
			       retire_after = $9, shrink_percent = $10, reject_percent = $11, absent_findings = $12, updated_at = now()
			 WHERE id = $1 RETURNING updated_at`,
			p.ID, p.Description, p.AssetTypes, p.Maps, p.filters(), p.Active, p.Schedule, p.FullEveryHours,
			p.RetireAfter, p.ShrinkPercent, p.RejectPercent, p.AbsentFindings).Scan(&p.UpdatedAt)
	})
	if err != nil {
		return p, fmt.Errorf("update profile %s: %w", name, err)
	}
	return p, nil
}

// SetProfileActive activates or deactivates a profile and returns it.
func (s *Store) SetProfileActive(ctx context.Context, name string, active bool) (Profile, error) {
	return s.UpdateProfile(ctx, name, func(p *Profile) error {
		p.Active = active
		return nil
	})
}

// A RivalError says that another active profile of the connector writes an asset
// type by another map.
type RivalError struct {
	Profile      string // the other one
	Kind         string // of the one that is refused
	AssetType    string
	Theirs, Ours string // maps
}

func (e *RivalError) Error() string {
	return fmt.Sprintf("profile %s is active and writes %s of the same connector by map %s, this one by %s: use the same map, leave %s out, or make one of them inactive",
		e.Profile, e.AssetType, e.Theirs, e.Ours, e.AssetType)
}

// checkRival looks for an active profile that writes the same by another map;
// an inactive one writes nothing. Assets and findings are of one kind, but the
// knowledge base is shared by all kinds of a connector. It keeps the
// connector's row, so that those who change the connector's profiles go one
// after the other, and no run of it has to wait.
func checkRival(ctx context.Context, tx pgx.Tx, p Profile) error {
	if !p.Active {
		return nil
	}
	if _, err := tx.Exec(ctx, "SELECT FROM connectors WHERE id = $1 FOR NO KEY UPDATE", p.ConnectorID); err != nil {
		return err
	}
	rival := RivalError{Kind: p.Kind}
	err := tx.QueryRow(ctx, `
		SELECT o.name, t, o.maps->>t, $4::jsonb->>t
		  FROM profiles o, unnest(o.asset_types) t
		 WHERE o.connector_id = $1 AND o.active AND o.name <> $5
		   AND t = ANY($3) AND o.maps->>t IS DISTINCT FROM $4::jsonb->>t
		   AND (o.kind = $2 OR 'knowledge' = ALL (
		        SELECT m.target_model FROM transform_maps m WHERE m.name IN (o.maps->>t, $4::jsonb->>t)))
		 ORDER BY o.name, t LIMIT 1`, p.ConnectorID, p.Kind, p.AssetTypes, p.Maps, p.Name).Scan(&rival.Profile, &rival.AssetType, &rival.Theirs, &rival.Ours)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return &rival
}

// Profiles lists all profiles by name.
func (s *Store) Profiles(ctx context.Context) ([]Profile, error) {
	rows, err := s.pool.Query(ctx, profileQuery+" ORDER BY p.name")
	if err != nil {
		return nil, fmt.Errorf("list profiles: %w", err)
	}
	return pgx.CollectRows(rows, scanProfile)
}

// Profile returns the profile of that name.
func (s *Store) Profile(ctx context.Context, name string) (Profile, error) {
	rows, err := s.pool.Query(ctx, profileQuery+" WHERE p.name = $1", name)
	if err != nil {
		return Profile{}, fmt.Errorf("read profile %s: %w", name, err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, scanProfile)
	if errors.Is(err, pgx.ErrNoRows) {
		return p, missing("profile", name, s.names(ctx, "profiles"))
	}
	if err != nil {
		return p, fmt.Errorf("read profile %s: %w", name, err)
	}
	return p, nil
}

func scanProfile(row pgx.CollectableRow) (Profile, error) {
	var p Profile
	err := row.Scan(&p.ID, &p.Name, &p.Description, &p.ConnectorID, &p.Connector, &p.Kind, &p.AssetTypes, &p.Maps, &p.Filters, &p.Active, &p.ConnectorActive, &p.Schedule,
		&p.FullEveryHours, &p.RetireAfter, &p.ShrinkPercent, &p.RejectPercent, &p.AbsentFindings, &p.CreatedAt, &p.UpdatedAt)
	return p, err
}

// DeleteProfile removes a profile. Its runs' history and what they brought
// into the inventory stay. It refuses while a run holds the profile's lease.
func (s *Store) DeleteProfile(ctx context.Context, name string) error {
	p, err := s.Profile(ctx, name)
	if err != nil {
		return err
	}
	tag, err := s.pool.Exec(ctx, "DELETE FROM profiles WHERE id = $1 AND NOT EXISTS (SELECT FROM leases WHERE profile_id = $1)", p.ID)
	if err != nil {
		return fmt.Errorf("delete profile %s: %w", name, err)
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("profile %s is being run: cancel the run first ('sluice runs cancel %s')", name, name)
	}
	return nil
}
