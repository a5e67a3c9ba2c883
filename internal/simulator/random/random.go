// Package random draws what the simulated estates are made of: everything is a
// pure function of a seed and of coordinates, so that nothing has to be stored.
package random

import "math"

// Mix is the finaliser of SplitMix64: a cheap bijection of 64 bits whose
// output looks random. Everything the estates draw comes from it, so that a
// record depends on nothing but its coordinates.
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Picker chooses exactly k of the indexes 0..n-1, spread over the whole range,
// in constant memory: an index is chosen when its image under an affine
// bijection of the range is one of the k from "from" on.
type Picker struct {
	n, from, k uint64
	mul, add   uint64
}

// NewPicker makes a picker of k out of n indexes; salt decides which ones.
func NewPicker(salt uint64, n, k int) Picker {
	if n == 0 {
		return Picker{}
	}
	p := Picker{n: uint64(n), k: uint64(min(k, n))}
	// A multiplier near 0 or n would choose neighbours, so it starts in the
	// middle half of the range; it must share no divisor with n to be a bijection.
	p.mul = p.n/4 + Mix(salt)%(p.n/2+1)
	for gcd(p.mul, p.n) != 1 {
		p.mul++
	}
	p.add = Mix(salt+1) % p.n
	return p
}

// After makes a picker of k further indexes: those p has are not among them.
// There are fewer than k when the range is used up.
func (p Picker) After(k int) Picker {
	p.from += p.k
	p.k = min(uint64(k), p.n-p.from)
	return p
}

// Has tells whether an index is chosen.
func (p *Picker) Has(index int) bool {
	i := uint64(index)
	return p.k != 0 && i < p.n && (i*p.mul+p.add)%p.n-p.from < p.k // below from, the difference wraps to a large number
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

const (
	spreadSize  = 1024
	spreadSigma = 1.1 // of the log-normal: the largest asset has some 20 times the average
	spreadZero  = 82  // of spreadSize assets have no finding: some 8 %
)

// Spread is a distribution of findings over assets: some have none, most
// have few, a long tail has many; the average is the one asked for.
type Spread [spreadSize]float64

// NewSpread makes a distribution with an average.
func NewSpread(mean float64) *Spread {
	var s Spread
	var sum float64
	for i := spreadZero; i < spreadSize; i++ {
		q := (float64(i-spreadZero) + 0.5) / (spreadSize - spreadZero)
		s[i] = math.Exp(spreadSigma * math.Sqrt2 * math.Erfinv(2*q-1))
		sum += s[i]
	}
	for i := range s {
		s[i] *= mean * spreadSize / sum
	}
	return &s
}

// Draw turns random bits into a number of findings. The fraction is settled by
// further bits, so that small averages hold too.
func (s *Spread) Draw(bits uint64) int {
	v := s[bits%spreadSize]
	if v == 0 {
		return 0
	}
	return int(v + float64(bits>>32)/(1<<32))
}
