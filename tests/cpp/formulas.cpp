#include "formulas.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace tests {
namespace {

using std::exp, std::erfc, std::fabs, std::log1p, std::sqrt, std::tanh;
constexpr long double pi = std::numbers::pi_v<long double>, log_2 = std::numbers::ln2_v<long double>;

long double sigmoid(long double z) { return 1 / (1 + exp(-z)); }
long double softplus(long double z) { return std::max(z, 0.0L) + log1p(exp(-fabs(z))); }
long double gelu_u(long double z) { return sqrt(2 / pi) * (z + 0.044715L * z * z * z); }
long double cumulated(long double z) { return erfc(-z / sqrt(2.0L)) / 2; }

}  // namespace

long double activated(Activation kind, long double z) {
    switch (kind) {
        case Activation::sigmoid: return sigmoid(z);
        case Activation::tanh: return tanh(z);
        case Activation::relu: return std::max(z, 0.0L);
        case Activation::leaky_relu: return z < 0 ? z * chainrule::leaky_relu_slope : z;
        case Activation::step: return z >= 0;
        case Activation::elu: return z < 0 ? std::expm1(z) : z;
        case Activation::selu: return chainrule::selu_scale * (z < 0 ? chainrule::selu_alpha * std::expm1(z) : z);
        case Activation::softplus: return softplus(z);
        case Activation::softsign: return z / (1 + fabs(z));
        case Activation::hard_sigmoid: return std::clamp((z + 3) / 6, 0.0L, 1.0L);
        case Activation::exponential: return exp(z);
        case Activation::gelu: return z * cumulated(z);
        case Activation::gelu_tanh: return z * sigmoid(2 * gelu_u(z));
        case Activation::silu: return z * sigmoid(z);
        case Activation::mish: return z * tanh(softplus(z));
        default: return z;
    }
}

long double slope_from_output(Activation kind, long double a) {
    constexpr long double below = static_cast<long double>(chainrule::selu_scale) * chainrule::selu_alpha;
    switch (kind) {
        case Activation::sigmoid: return a * (1 - a);
        case Activation::tanh: return 1 - a * a;
        case Activation::relu: return a > 0;
        case Activation::leaky_relu: return a > 0 ? 1 : chainrule::leaky_relu_slope;
        case Activation::step: return 0;
        case Activation::elu: return a < 0 ? a + 1 : 1;
        case Activation::selu: return a > 0 ? static_cast<long double>(chainrule::selu_scale) : a + below;
        case Activation::softplus: return -std::expm1(-a);
        case Activation::softsign: return (1 - fabs(a)) * (1 - fabs(a));
        case Activation::hard_sigmoid: return a > 0 && a < 1 ? 1 / 6.0L : 0;
        case Activation::exponential: return a;
        default: return 1;
    }
}

long double slope(Activation kind, long double z) {
    const long double s = sigmoid(z);
    switch (kind) {
        case Activation::gelu: return cumulated(z) + z * exp(-z * z / 2) / sqrt(2 * pi);
        case Activation::gelu_tanh: {
            const long double g = sigmoid(2 * gelu_u(z));
            return g + z * 2 * g * (1 - g) * sqrt(2 / pi) * (1 + 3 * 0.044715L * z * z);
        }
        case Activation::silu: return s + z * s * (1 - s);
        case Activation::mish: {
            const long double t = tanh(softplus(z));
            return t + z * (1 - t * t) * s;
        }
        default: return slope_from_output(kind, activated(kind, z));
    }
}

bool judge_is_exact() {
    volatile long double one = 1;
    return one + 0x1p-60L != one;
}

double units(Activation kind, long double z) {
    // Where the judge has no more than a double, his exponents are off by z^2.
    const double judge = judge_is_exact() ? 0.5 : 4 * (1 + double(z * z));
    switch (kind) {
        case Activation::identity:
        case Activation::relu:
        case Activation::step: return 0;
        case Activation::sigmoid: return 2.5 + judge;
        case Activation::tanh: return 2.8 + judge;
        case Activation::selu: return 3 + judge;
        case Activation::gelu: return 7.8 + judge;
        case Activation::gelu_tanh: return (3.1 + judge) * (z < 0 ? 1 + 2 * double(fabs(gelu_u(z))) : 1);
        case Activation::silu: return 2.9 + judge;
        case Activation::mish: return 5 + judge;
        case Activation::softplus: return 4.5 + judge;
        default: return 1.5 + judge;
    }
}

long double entry_loss(Loss loss, long double a, long double y, long double p) {
    const long double e = a - y, t = 2 * y - 1;
    switch (loss) {
        case Loss::mean_squared_error: return e * e;
        case Loss::cross_entropy: return y == 0 ? 0 : -y * std::log(a);
        case Loss::binary_cross_entropy: return -(y * std::log(a) + (1 - y) * log1p(-a));
        case Loss::mean_absolute_error: return fabs(e);
        case Loss::huber: return std::min(fabs(e), p) * (fabs(e) - std::min(fabs(e), p) / 2);
        case Loss::log_cosh: return fabs(e) + log1p(exp(-2 * fabs(e))) - log_2;
        case Loss::quantile: return std::max(-p * e, (1 - p) * e);
        case Loss::poisson: return a - (y == 0 ? 0 : y * std::log(a));
        case Loss::hinge: return std::max(0.0L, 1 - t * a);
        default: return e * e / 2;
    }
}

long double entry_slope(Loss loss, long double a, long double y, long double p) {
    const long double e = a - y, t = 2 * y - 1;
    switch (loss) {
        case Loss::cross_entropy: return -y / a;
        case Loss::binary_cross_entropy: return e / (a * (1 - a));
        case Loss::mean_absolute_error: return e > 0 ? 1 : e < 0 ? -1 : 0;
        case Loss::huber: return std::clamp(e, -p, p);
        case Loss::log_cosh: return tanh(e);
        case Loss::quantile: return e > 0 ? 1 - p : e < 0 ? -p : 0;
        case Loss::poisson: return e / a;
        case Loss::hinge: return 1 - t * a > 0 ? -t : 0;
        default: return e;  // of the mean squared error too: its 2 is in the scale
    }
}

}  // namespace tests
