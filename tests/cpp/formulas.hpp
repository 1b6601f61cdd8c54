// Activations and losses as on paper, in long double.
#pragma once

#include "kernels/kinds.hpp"
#include "real.hpp"

namespace tests {

using chainrule::Activation;
using chainrule::Loss;

constexpr int activation_count = sizeof(chainrule::activation_names) / sizeof(chainrule::activation_names[0]);

// f(z), but for softmax.
long double activated(Activation kind, long double z);
// f'(z), where f has one.
long double slope(Activation kind, long double z);
// f'(z) computed from the output a = f(z), but for those of which that cannot be done.
long double slope_from_output(Activation kind, long double a);
// Whether a long double is wider than a double: not under valgrind.
bool judge_is_exact();
// What the kernels are off by at most, in units in the last place (kernels/README.md), and the judge himself.
double units(Activation kind, long double z);

// Loss of one entry, and its derivative by a; p: delta or level. Sums and means over entries are the caller's.
long double entry_loss(Loss loss, long double a, long double y, long double p);
long double entry_slope(Loss loss, long double a, long double y, long double p);

}  // namespace tests
