// What `bench/run.sh grpc` measures against: gRPC's own C++ server, callback API, one completion thread's worth of cores as it is pinned,
// answering ModelInfer with the bytes that came: nothing is parsed, so that only the transport is paid for.
//
//   grpc_echo [port]      0: a free one. Prints it, then serves until it is ended.
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "inference/grpc_service.grpc.pb.h"

namespace {

class Echo final : public inference::GRPCInferenceService::WithRawCallbackMethod_ModelInfer<inference::GRPCInferenceService::Service> {
 public:
  grpc::ServerUnaryReactor* ModelInfer(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override {
    *response = *request;
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace

int main(int argc, char** argv) {
  Echo echo;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:" + std::string(argc > 1 ? argv[1] : "0"), grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&echo);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return EXIT_FAILURE;
  std::printf("%d\n", port);
  std::fflush(stdout);
  server->Wait();
}
