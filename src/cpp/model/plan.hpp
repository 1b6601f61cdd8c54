// A network frozen for predictions of single rows: its own copy of the parameters, laid out for the kernel.
#pragma once

#include "model/network.hpp"
#include "runtime/buffer.hpp"

namespace chainrule {

// Any number of threads may use one at once: a call's scratch memory is on its stack or its own.
template <class T>
class Plan {
public:
    Plan(const Network& network, const Parameters<T>& parameters);

    // out (rows, n_out) = the network's outputs for X (rows, n_in), both without gaps; the bits of `predict`. False,
    // with nothing done, where a call needs memory beyond the stack and there is none.
    bool predict(std::ptrdiff_t rows, const T* X, T* out) const noexcept;

    // Row-major copies of the parameters, as they were given.
    void unpack(const Parameters<T>& parameters) const;

    const Network& network() const { return network_; }

private:
    void run(std::ptrdiff_t rows, const T* X, T* out, void* scratch) const noexcept;
    template <std::size_t bytes>
    void on_stack(std::ptrdiff_t rows, const T* X, T* out) const noexcept;

    const Network network_;
    const Kernels<T>& kernels_;
    Arena arena_;
    std::vector<PlanLayer<T>> layers_;
    std::ptrdiff_t width_;  // of a row of scratch
    bool alternate_;
};

}  // namespace chainrule
