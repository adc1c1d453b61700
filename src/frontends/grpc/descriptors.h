// The descriptors of every gRPC service that this program offers, by file and by symbol: what reflection answers from.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace vigil {

// Immutable once read; any thread.
class DescriptorIndex {
 public:
  // `set`: a serialized google.protobuf.FileDescriptorSet, which outlives the index. INVALID_ARGUMENT if it is none.
  static StatusOr<DescriptorIndex> Read(std::string_view set);

  // Full names: "grpc.health.v1.Health".
  const std::vector<std::string>& services() const { return services_; }
  // Serialized FileDescriptorProtos: the file first, then all that it imports. NOT_FOUND.
  StatusOr<std::vector<std::string_view>> File(std::string_view name) const;
  // The same for the file that defines a service, method, message, enumeration or field of that full name.
  StatusOr<std::vector<std::string_view>> Symbol(std::string_view name) const;

 private:
  struct FileEntry {
    std::string_view bytes;
    std::vector<std::string> imports;
  };
  Status AddFile(std::string_view bytes);
  Status AddMessage(std::string_view bytes, const std::string& scope, const std::string& file, int depth);

  std::map<std::string, FileEntry, std::less<>> files_;
  std::map<std::string, std::string, std::less<>> symbols_;  // → file
  std::vector<std::string> services_;
};

// What protoc made of api/proto.
extern const std::string_view kGrpcDescriptorSet;

}  // namespace vigil
