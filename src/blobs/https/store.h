#pragma once

#include <memory>

#include "blobs/store.h"

namespace vigil::blobs::https {

// https://host/path, and http:// where ParseUri takes it: one file. Signed and secret URLs keep their query out of every message.
std::unique_ptr<Store> MakeStore(const Uri& uri, const Context& context);

}  // namespace vigil::blobs::https
