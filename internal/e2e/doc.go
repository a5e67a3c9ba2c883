// Package e2e uses Sluice as a person does who has nothing but a browser: it
// starts, watches, finds, pauses and cancels runs in the Temporal UI. Its tests
// have the build tag e2e and need Chromium; 'make e2e' runs them. With
// -screenshots they also make the pictures of docs/temporal-ui.md.
package e2e
