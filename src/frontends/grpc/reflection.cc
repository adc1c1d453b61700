#include "frontends/grpc/reflection.h"

#include "base/proto_wire.h"

namespace vigil {
namespace {

// Of ServerReflectionRequest.
constexpr uint32_t kHost = 1, kByFilename = 3, kBySymbol = 4, kByExtension = 5, kExtensionNumbers = 6, kListServices = 7;
// Of ServerReflectionResponse.
constexpr uint32_t kValidHost = 1, kOriginal = 2, kFiles = 4, kServices = 6, kError = 7;

class ReflectionReader final : public net::GrpcReader {
 public:
  ReflectionReader(const DescriptorIndex& index, std::shared_ptr<net::GrpcCall> call) : index_(index), call_(std::move(call)) {}
  void OnMessage(std::string_view message) override {
    const auto answer = Reflect(index_, message);
    answer.ok() ? call_->Send(*answer) : call_->Finish(answer.status());
  }
  void OnEnd() override { call_->Finish(absl::OkStatus()); }

 private:
  const DescriptorIndex& index_;
  const std::shared_ptr<net::GrpcCall> call_;
};

}  // namespace

StatusOr<std::string> Reflect(const DescriptorIndex& index, std::string_view request) {
  std::string_view host, argument;
  uint32_t asked = 0;
  ProtoFields fields(request);
  while (fields.Next()) {
    if (fields.is(kHost, ProtoType::kBytes)) host = fields.bytes();
    if (fields.type() == ProtoType::kBytes && fields.field() >= kByFilename && fields.field() <= kListServices) {
      asked = fields.field();
      argument = fields.bytes();
    }
  }
  if (!fields.ok()) return absl::InvalidArgumentError("the message is no ServerReflectionRequest");
  StatusOr<std::vector<std::string_view>> files = absl::InvalidArgumentError("the request asks for nothing");
  if (asked == kByFilename) files = index.File(argument);
  if (asked == kBySymbol) files = index.Symbol(argument);
  if (asked == kByExtension || asked == kExtensionNumbers) files = absl::NotFoundError("no message here has extensions");
  std::string answer;
  ProtoWriter writer(&answer);
  writer.Bytes(kValidHost, host);
  writer.Bytes(kOriginal, request);
  if (asked == kListServices) {
    writer.Message(kServices, [&](ProtoWriter& list) {
      for (const std::string& name : index.services()) {
        list.Message(1, [&](ProtoWriter& service) { service.Bytes(1, name); });
      }
    });
  } else if (files.ok()) {
    writer.Message(kFiles, [&](ProtoWriter& list) {
      for (const std::string_view file : *files) list.Bytes(1, file);
    });
  } else {
    writer.Message(kError, [&](ProtoWriter& error) {
      error.Int(1, static_cast<int>(files.status().code()));
      error.Bytes(2, {files.status().message().data(), files.status().message().size()});
    });
  }
  return answer;
}

void AddReflection(const DescriptorIndex& index, net::GrpcMethods* methods) {
  for (const char* version : {"v1", "v1alpha"}) {
    methods->Add({std::string("/grpc.reflection.") + version + ".ServerReflection/ServerReflectionInfo", nullptr,
                  [&index](const net::GrpcRequest&, std::shared_ptr<net::GrpcCall> call) {
                    return std::make_unique<ReflectionReader>(index, std::move(call));
                  }});
  }
}

}  // namespace vigil
