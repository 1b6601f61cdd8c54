// The constants of math.hpp and smooth.hpp. Those of polynomials are printed by tools/minimax.py; the measured errors stand
// in README.md.
#pragma once

namespace {

template <class T>
struct Rounding;
template <class T>
struct ExpConstants;
template <class T>
struct TanhConstants;
template <class T>
struct NormalConstants;

template <>
struct Rounding<float> {
    static constexpr float whole_and_bias = 12582912.0f + 127.0f;  // 1.5 * 2^23
};

template <>
struct Rounding<double> {
    static constexpr double whole_and_bias = 6755399441055744.0 + 1023.0;  // 1.5 * 2^52
};

// unit_high + unit_low = ln 2, and n unit_high is exact. e^r = 1 + r + r^2 tail(r), |r| <= ln(2)/2.
template <>
struct ExpConstants<float> {
    static constexpr float per_unit = 1.44269504088896341f;
    static constexpr float unit_high = 0.693359375f, unit_low = -2.12194440e-4f;
    static constexpr float lowest = -0x1.5d589ep+6f;  // -87.33654: below it e^x is below the smallest normal number
    static constexpr float infinite = 89.0f;          // e^x is above the largest number from 88.7228 on
    static constexpr float lost = 20.0f;              // 1 + e^-20 is 1
    static constexpr float tail[] = {0.499999934f, 0.166665206f, 0.0416683879f, 0.00836871703f,
                                     0.00138146073f};  // error 2^-28.28
};

template <>
struct ExpConstants<double> {
    static constexpr double per_unit = 1.44269504088896340736;
    static constexpr double unit_high = 6.93145751953125e-1, unit_low = 1.42860682030941723212e-6;
    static constexpr double lowest = -0x1.6232bdd7abcd2p+9;  // -708.3964
    static constexpr double infinite = 710.0;
    static constexpr double lost = 40.0;
    static constexpr double tail[] = {0.50000000000000106,   0.16666666666666413,   0.041666666666530158,
                                      0.0083333333334944647, 0.0013888888943630187, 0.00019841269506571628,
                                      2.4801493098816434e-5, 2.7557586380510428e-6, 2.7630248414053888e-7,
                                      2.5000059390790346e-8};  // error 2^-57.94
};

// unit_high + unit_low = ln(2)/2. h / tanh h = 1 + h^2 even(h^2), |h| <= ln(2)/4.
template <>
struct TanhConstants<float> {
    static constexpr float per_unit = 2.885390081777926815f;
    static constexpr float unit_high = 0.3465735902799726547f, unit_low = 0;
    static constexpr float is_one = 9.4f;                            // tanh x rounds to 1 from 9.0109 on
    static constexpr float even[] = {0.333332516f, -0.0221340937f};  // error 2^-28.77
};

template <>
struct TanhConstants<double> {
    static constexpr double per_unit = 2.885390081777926815;
    static constexpr double unit_high = 0.34657359027914936, unit_low = 8.232974791448541e-13;
    static constexpr double is_one = 19.8;  // from 19.0616 on
    static constexpr double even[] = {0.33333333333333205, -0.022222222221613597, 0.0021164020229889078,
                                      -0.00021163395360401759, 2.1187335326085656e-5};  // error 2^-60.03
};

// Mills' ratio of the normal distribution, the probability above x divided by the density at x: R(x) = t ratio(2 t - 1)
// with t = k / (k + x), 0 <= x <= limit; beyond it the density is below the smallest normal number.
template <>
struct NormalConstants<float> {
    static constexpr float k = 3, limit = 14.5f;
    static constexpr float ratio[] = {0.609180598f,     0.425568657f,     0.192189623f,   0.0394899963f,
                                      -0.00874188313f,  -0.00582314998f,  0.00085625092f, 0.000862717898f,
                                      -0.000204502976f, -0.000109668092f, 4.549948e-5f};  // error 2^-30.00
};

template <>
struct NormalConstants<double> {
    static constexpr double k = 4, limit = 39;
    static constexpr double ratio[] = {
        0.47330476582712134,    0.38094272770499573,    0.24260238871689705,
        0.11688524074959691,    0.037847940578111984,   0.0047251127149874138,
        -0.0021805738185475466, -0.0010219639137656539, 8.3561153268434376e-5,
        0.00014481727186014539, -1.1958057968001259e-6, -2.2023654486655197e-5,
        4.4902889819591524e-7,  3.7098935438003089e-6,  -3.9439960711804404e-7,
        -6.4014643816417482e-7, 1.6996944439855652e-7,  9.7150331295262574e-8,
        -5.3128159666748733e-8, -8.4312562576555187e-9, 1.2049545031155443e-8,
        -1.1012173340398878e-9, -1.5142535701342197e-9, 4.2042728935983294e-10};  // error 2^-59.31
};

}  // namespace
