package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/internal/catalog"
	"sluice/internal/inventory"
)

// numberFlag is a number from 1 to max on the command line.
type numberFlag[T int | int32] struct {
	to   *T // 0: none is asked for
	max  T
	kind string
}

// maxSeverity is the highest severity that the inventory knows.
const maxSeverity = 5

func severityFlag(to *int) numberFlag[int] { return numberFlag[int]{to, maxSeverity, "severity"} }

func qidFlag(to *int32) numberFlag[int32] { return numberFlag[int32]{to, math.MaxInt32, "QID"} }

func (f numberFlag[T]) String() string {
	if f.to == nil || *f.to == 0 {
		return ""
	}
	return fmt.Sprint(*f.to)
}

func (f numberFlag[T]) Type() string { return f.kind }

// Set reads what a person wrote.
func (f numberFlag[T]) Set(text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > int64(f.max) {
		return fmt.Errorf("give a number, 1 to %d", f.max)
	}
	*f.to = T(n)
	return nil
}

// addKnowledgeFilter gives a list the flags of what a knowledge base knows.
func addKnowledgeFilter(cmd *cobra.Command, f *inventory.Filter) {
	cmd.Flags().Var(severityFlag(&f.MinSeverity), "severity", fmt.Sprintf("of this severity or above, 1 to %d", maxSeverity))
	cmd.Flags().StringVar(&f.CVE, "cve", "", "that stand for this CVE, such as CVE-2024-3094")
}

func newKnowledge(a *app) *cobra.Command {
	return group("knowledge", "The knowledge base: what QIDs stand for",
		`The knowledge base says what the QIDs of findings stand for. Each connector has
its own, which the asset type KNOWLEDGEBASE of its profiles brings in. A changed
entry shows in all findings with its QID at once.`,
		"  sluice knowledge list --severity 4\n  sluice knowledge show 38739",
		newKnowledgeList(a), newKnowledgeShow(a), newKnowledgeMissing(a))
}

var knowledgeColumns = []column[inventory.KnowledgeRow]{
	{"qid", func(r inventory.KnowledgeRow) any { return r.QID }},
	{"severity", func(r inventory.KnowledgeRow) any { return r.Severity }},
	{"title", func(r inventory.KnowledgeRow) any { return r.Title }},
	{"category", func(r inventory.KnowledgeRow) any { return r.Category }},
	{"cvss", func(r inventory.KnowledgeRow) any { return r.CVSS }},
	{"patchable", func(r inventory.KnowledgeRow) any { return r.Patchable }},
	{"cves", func(r inventory.KnowledgeRow) any { return named(r.CVEs) }},
	{"modifiedAt", func(r inventory.KnowledgeRow) any { return r.ModifiedAt }},
	{"connector", func(r inventory.KnowledgeRow) any { return r.Connector }},
}

var knowledgeDetailColumns = []column[inventory.KnowledgeRow]{
	{"firstSeen", func(r inventory.KnowledgeRow) any { return r.FirstSeen }},
	{"threatIntelligence", func(r inventory.KnowledgeRow) any { return named(r.ThreatIntelligence) }},
	{"solution", func(r inventory.KnowledgeRow) any { return r.Solution }},
	{"attributes", func(r inventory.KnowledgeRow) any { return r.Attributes }},
	{"writtenBy", func(r inventory.KnowledgeRow) any { return writtenBy(r.RunID, r.Map, r.MapVersion) }},
}

// named lists a JSON list of texts, or of objects by their identifiers, as
// people read it. What has another form is left as it is.
func named(list json.RawMessage) string {
	var elements []any
	if json.Unmarshal(list, &elements) != nil {
		return string(list)
	}
	var names []string
	for _, element := range elements {
		object, _ := element.(map[string]any)
		for _, key := range []string{"ID", "value"} {
			if object[key] != nil {
				element = object[key]
				break
			}
		}
		text, ok := element.(string)
		if !ok {
			return string(list)
		}
		names = append(names, text)
	}
	return strings.Join(names, ", ")
}

func newKnowledgeList(a *app) *cobra.Command {
	var f inventory.Filter
	var since string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List entries of the knowledge base",
		Example: `  sluice knowledge list --title openssl --severity 4
  sluice knowledge list --cve CVE-2024-3094
  sluice knowledge list --modified-since 2027-01-31 --output csv`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if since != "" {
				var err error
				if f.ModifiedSince, err = time.ParseInLocation(time.DateOnly, since, time.Local); err != nil {
					return wrongUsage(cmd, "--modified-since %q is no date: write it as 2027-01-31", since)
				}
			}
			rows, err := readPage(a, cmd, f, inventory.Knowledge)
			if err != nil {
				return err
			}
			return printPage(a, cmd, rows, "entries", f.Limit, knowledgeColumns, func(r inventory.KnowledgeRow) int64 { return r.ID })
		},
	}
	addPage(cmd, &f)
	cmd.Flags().StringVar(&f.Name, "title", "", "with this in the title, in small or capital letters")
	cmd.Flags().StringVar(&since, "modified-since", "", "that the vendor has changed since this day, such as 2027-01-31")
	addKnowledgeFilter(cmd, &f)
	return cmd
}

func newKnowledgeShow(a *app) *cobra.Command {
	var f inventory.Filter
	cmd := &cobra.Command{
		Use:     "show QID",
		Short:   "Show what a QID stands for, with its solution",
		Example: "  sluice knowledge show 38739\n  sluice findings list --qid 38739",
		Args:    oneArgument("QID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if err := qidFlag(&f.QID).Set(args[0]); err != nil {
				return wrongUsage(cmd, "%q is no QID: %w", args[0], err)
			}
			store, err := a.catalog(ctx)
			if err != nil {
				return err
			}
			if f.Connector != "" {
				if _, err := store.Connector(ctx, f.Connector); err != nil {
					return err
				}
			}
			f.Limit = maxLimit
			rows, err := inventory.Knowledge(ctx, store.Pool(), f)
			switch {
			case err != nil:
				return err
			case len(rows) == 0:
				return fmt.Errorf("QID %d: %w: '%s' lists QIDs that findings have and no knowledge base knows", f.QID, inventory.ErrNotFound, a.command("knowledge missing"))
			case len(rows) > 1:
				var connectors []string
				for _, row := range rows {
					connectors = append(connectors, row.Connector)
				}
				return wrongUsage(cmd, "several connectors know QID %d: give --connector, one of %s", f.QID, strings.Join(connectors, ", "))
			}
			if err := printOne(a, rows[0], slices.Concat(knowledgeColumns, knowledgeDetailColumns)); err != nil || !a.forTables() {
				return err
			}
			a.say("\nFindings with it: %s", a.command(fmt.Sprintf("findings list --qid %d", f.QID)))
			return nil
		},
	}
	cmd.Flags().StringVar(&f.Connector, "connector", "", "of this connector; needed where several know the QID")
	return cmd
}

// missingView is a QID that a connector's knowledge base does not know.
type missingView struct {
	Connector string `json:"connector"`
	inventory.UnknownQID
}

func newKnowledgeMissing(a *app) *cobra.Command {
	var connector string
	var limit int
	cmd := &cobra.Command{
		Use:   "missing",
		Short: "List the QIDs of open findings that no entry explains",
		Long: `List the QIDs of open findings that the connector's knowledge base has no entry
for, those of most findings first. Such a finding is complete but for what its
QID stands for, and is completed by the run that brings the entry in.`,
		Example: "  sluice knowledge missing\n  sluice knowledge missing --connector acme --output csv",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if err := checkLimit(cmd, limit); err != nil {
				return err
			}
			store, connectors, err := a.connectors(ctx)
			if err != nil {
				return err
			}
			if connector != "" {
				c, err := store.Connector(ctx, connector)
				if err != nil {
					return err
				}
				connectors = []catalog.Connector{c}
			}
			var missing []missingView
			for _, c := range connectors {
				qids, err := inventory.UnknownQIDs(ctx, store.Pool(), c.ID, limit)
				if err != nil {
					return err
				}
				for _, q := range qids {
					missing = append(missing, missingView{c.Name, q})
				}
			}
			return printListOr(a, missing, missingColumns, "every QID of an open finding is known")
		},
	}
	cmd.Flags().StringVar(&connector, "connector", "", "of this connector")
	addLimit(cmd, &limit, 50, "QIDs to show of each connector")
	return cmd
}

var missingColumns = []column[missingView]{
	{"connector", func(m missingView) any { return m.Connector }},
	{"qid", func(m missingView) any { return m.QID }},
	{"findings", func(m missingView) any { return m.Findings }},
}
