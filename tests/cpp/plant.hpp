// Faults that are made on purpose: whoever looks for them must have been seen to find them.
#pragma once

#include <string>

namespace tests {

// Makes the fault of that name, and returns 0 if nobody noticed; 2 if there is none.
int plant(const std::string& fault);

}  // namespace tests
