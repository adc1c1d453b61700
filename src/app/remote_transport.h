// Remote models reach their servers through our HTTP client.
#pragma once

#include "runtime/remote/transport.h"

namespace vigil {

// Connections whose answers are at most `answer_bytes_max` bytes.
remote::Connect HttpConnect(size_t answer_bytes_max);

}  // namespace vigil
