package main

import (
	"context"
	"fmt"

	"sluice/internal/inventory"
)

// demoLook shows a few rows of each kind's part of the inventory.
func (a *app) demoLook(ctx context.Context) error {
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	var assets []inventory.AssetRow
	var findings []inventory.FindingRow
	for _, kind := range kindsOf("qualys") {
		part := inventory.Filter{Connector: demoConnectors["qualys"], Kind: kind.Name(), Class: kind.AssetTypes()[0].Class, Limit: 2}
		someAssets, err := inventory.Assets(ctx, store.Pool(), part)
		if err != nil {
			return err
		}
		part.MinSeverity, part.Status = maxSeverity, "open"
		someFindings, err := inventory.Findings(ctx, store.Pool(), part)
		if err != nil {
			return err
		}
		assets, findings = append(assets, someAssets...), append(findings, someFindings...)
	}
	a.heading("Some assets")
	if err := printList(a, assets, pick(assetColumns, "id", "class", "externalId", "name", "url", "ipAddress", "operatingSystem")); err != nil {
		return err
	}
	a.heading("Some open findings of the highest severity")
	if err := printList(a, findings, pick(findingColumns, "id", "severity", "status", "vendorStatus", "qid", "name", "cvss", "assetName")); err != nil {
		return err
	}
	return a.demoAPIs(ctx)
}

// demoAPIs shows a few APIs, and the endpoints of one.
func (a *app) demoAPIs(ctx context.Context) error {
	store, err := a.catalog(ctx)
	if err != nil {
		return err
	}
	const some = 3
	var apis []inventory.APIRow
	for _, ready := range []bool{true, false} {
		rows, err := inventory.APIs(ctx, store.Pool(), inventory.Filter{Connector: demoConnectors["azure"], Ready: &ready, Limit: some})
		if err != nil {
			return err
		}
		apis = append(apis, rows...)
	}
	a.heading("Some APIs: ready to be scanned, and not")
	if err := printList(a, apis, apiColumns); err != nil {
		return err
	}
	for _, row := range apis {
		if row.Endpoints == 0 {
			continue
		}
		d, err := specification(ctx, store, row)
		if err != nil {
			return err
		}
		endpoints := viewEndpoints(d)
		a.heading(fmt.Sprintf("What can be called of API %d, by its specification", row.ID))
		return printList(a, endpoints[:min(len(endpoints), 2*some)], endpointColumns)
	}
	return nil
}

// pick takes some columns.
func pick[T any](columns []column[T], names ...string) []column[T] {
	var picked []column[T]
	for _, name := range names {
		for _, c := range columns {
			if c.name == name {
				picked = append(picked, c)
			}
		}
	}
	return picked
}

// demoNext prints commands to try.
func (a *app) demoNext(vendors *simulated, stays bool) error {
	a.heading("What to try next")
	first := demoProfile(demoKinds()[0])
	if !stays {
		a.say("Start it again, to look around:   %s\nthen, in another terminal:", a.command("dev"))
	} else {
		link, err := a.startLink(first)
		if err != nil {
			return err
		}
		a.say("  curl -X POST -d '{\"updated\":0.1,\"removed\":0.02}' %s/simulator/advance", vendors.qualysURL)
		a.say("  curl -X POST -d '{\"edited\":0.1,\"removed\":0.02}' %s/simulator/advance", vendors.armURL)
		a.say("  %s", a.command("run "+first+" --mode full --wait"))
		a.say("  start a run from a browser: %s", link)
	}
	for _, line := range []string{
		"status", "runs list", "findings list --severity 5", "assets list --class host", "knowledge list --severity 5",
		"apis list --ready=false", "profiles show " + first,
	} {
		a.say("  %s", a.command(line))
	}
	return nil
}
