// What differs between the protocols that remote servers speak: pure translation, no I/O.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "domain/batch.h"
#include "domain/schema.h"
#include "runtime/remote/address.h"

namespace vigil::remote {

class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual std::string_view name() const = 0;  // "oip", "tfs"
  virtual std::string MetadataTarget() const = 0;
  // The model's signature as the server describes it; `facts` for `vigil inspect`. `chosen` is LoadOptions::signature. Called once, before
  // the rest.
  virtual StatusOr<Signature> ReadMetadata(std::string_view body, std::string_view chosen,
                                           std::vector<std::pair<std::string, std::string>>* facts) = 0;
  virtual std::string ScoreTarget() const = 0;
  // The body that scores `batch`, which fits the signature.
  virtual StatusOr<std::string> Encode(const Signature& signature, const Batch& batch) const = 0;
  // Fills every output of the signature. INTERNAL: the answer is not what the metadata promised.
  virtual Status Decode(const Signature& signature, size_t rows, std::string_view body, Outputs* outputs) const = 0;
};

std::unique_ptr<Dialect> MakeOipDialect(const Address& address);
std::unique_ptr<Dialect> MakeTfsDialect(const Address& address);

// An HTTP status that is no success as one of ours; the text is the server's own `error`, cut to a line.
Status ErrorOf(int http_status, std::string_view body);

inline constexpr size_t kRemoteTensorsMax = 1000;

}  // namespace vigil::remote
