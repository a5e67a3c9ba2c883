package random

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// CheckShare tells what is wrong with a share of things: it has to be between 0
// and 1.
func CheckShare(name string, share float64) error {
	if math.IsNaN(share) || share < 0 || share > 1 {
		return fmt.Errorf("simulator: share %q is %v; allowed are 0 to 1", name, share)
	}
	return nil
}

// CheckShares tells what is wrong with the first bad one of some named shares.
func CheckShares(shares map[string]float64) error {
	for _, name := range slices.Sorted(maps.Keys(shares)) {
		if err := CheckShare(name, shares[name]); err != nil {
			return err
		}
	}
	return nil
}

// Portion is the number of things a share of n means, rounded up so that a
// share above zero always means at least one.
func Portion(share float64, n int) int {
	return int(math.Ceil(share * float64(n)))
}

// CheckAmount tells what is wrong with an amount of a defect: it is a count or a
// share.
func CheckAmount(defect string, count int, share float64) error {
	if err := CheckShare("share of "+defect, share); err != nil {
		return err
	}
	if count < 0 || (count == 0) == (share == 0) {
		return fmt.Errorf("simulator: defect %q needs either a count or a share above zero", defect)
	}
	return nil
}

// Amount is how many of n things an amount means: the count, or when that is 0
// the share, rounded up.
func Amount(count int, share float64, n int) int {
	if count > 0 {
		return count
	}
	return Portion(share, n)
}

// Below tells whether random bits fall into a share (0 to 1).
func Below(bits uint64, share float64) bool { return float64(bits>>11)/(1<<53) < share }
