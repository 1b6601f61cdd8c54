// The one thing a kernel object exports: chainrule_kernels_<dtype>_<instruction set>.
#pragma once

#include "normal.hpp"
#include "peak.hpp"
#include "philox.hpp"
#include "plan.hpp"
#include "product.hpp"
#include "tiny.hpp"
#include "few_outputs.hpp"
#include "rules.hpp"
#include "squares.hpp"
#include "activity.hpp"
#include "entry_losses.hpp"

#define CR_JOIN_(a, b) a##b
#define CR_JOIN(a, b) CR_JOIN_(a, b)
#define CR_TEXT_(a) #a
#define CR_TEXT(a) CR_TEXT_(a)

#define CR_EXPORT_KERNELS(prefix, V)                         \
    extern "C" {                                             \
    extern const Kernels<V::Scalar> CR_JOIN(prefix, CR_ISA); \
    const Kernels<V::Scalar> CR_JOIN(prefix, CR_ISA) = {     \
        CR_TEXT(CR_ISA),                                     \
        V::lanes,                                            \
        2 * V::lanes,                                        \
        tile_rows<V>,                                        \
        product<V>,                                          \
        panel_gradient<V>,                                   \
        pack_columns<V>,                                     \
        column_sums<V>,                                      \
        column_squares<V>,                                   \
        column_activity<V>,                                  \
        update<V>,                                           \
        apply_rule<V>,                                       \
        transpose_part<V>,                                   \
        limit_norms<V>,                                      \
        activate<V>,                                         \
        activation_gradient<V>,                              \
        activate_with_slope<V>,                              \
        dropout<V>,                                          \
        output_loss<V>,                                      \
        pack<V>,                                             \
        unpack<V>,                                           \
        transpose_panels<V>,                                 \
        dropout_mask<V::Scalar>,                             \
        gaussian_noise<V::Scalar>,                           \
        random_words,                                        \
        tiny_steps<V>,                                       \
        pack_plan<V>,                                        \
        unpack_plan<V>,                                      \
        plan_rows<V>,                                        \
        multiply_adds<V>,                                    \
    };                                                       \
    }
