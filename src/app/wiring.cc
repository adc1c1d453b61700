#include "app/wiring.h"

#include <unistd.h>

#include "app/remote_transport.h"
#include "base/clock.h"
#include "blobs/azure/store.h"
#include "blobs/gcs/store.h"
#include "blobs/https/store.h"
#include "blobs/s3/store.h"
#include "runtime/mlflow/loader.h"
#include "runtime/onnx/loader.h"
#include "runtime/remote/loader.h"
#include "runtime/repository/loader.h"
#include "runtime/tensorflow/loader.h"
#include "runtime/trees/loader.h"

namespace vigil {

namespace {

std::vector<std::unique_ptr<ModelLoader>> Loaders(const onnx::OnnxOptions& onnx, const Clock* clock, trees::EngineRecords* records) {
  std::vector<std::unique_ptr<ModelLoader>> loaders;
  loaders.push_back(trees::MakeXgboostLoader(records));
  loaders.push_back(trees::MakeLightgbmLoader(records));
  loaders.push_back(trees::MakeCatboostLoader(records));
  loaders.push_back(onnx::MakeOnnxLoader(onnx, clock));
  static const SystemClock system;
  loaders.push_back(remote::MakeRemoteLoader(HttpConnect(remote::RemoteLimits{}.answer_bytes_max), system));
  loaders.push_back(tensorflow::MakeTensorflowLoader());
  loaders.push_back(mlflow::MakeMlflowLoader());
  loaders.push_back(repository::MakeRepositoryLoader());  // last: what holds models, after what is one
  return loaders;
}

}  // namespace

std::vector<std::unique_ptr<ModelLoader>> MakeLoaders(const onnx::OnnxOptions& onnx, const Clock& clock, trees::EngineRecords* records) {
  return Loaders(onnx, &clock, records);
}

std::vector<std::unique_ptr<ModelLoader>> MakeLoaders() { return Loaders({}, nullptr, nullptr); }

StatusOr<std::unique_ptr<blobs::Store>> OpenBlobStore(const blobs::Uri& uri, const blobs::Context& context) {
  switch (uri.scheme) {
    case blobs::Scheme::kHttps:
    case blobs::Scheme::kHttp: return blobs::https::MakeStore(uri, context);
    case blobs::Scheme::kS3: return blobs::s3::MakeStore(uri, context);
    case blobs::Scheme::kGcs: return blobs::gcs::MakeStore(uri, context);
    case blobs::Scheme::kAzure: return blobs::azure::MakeStore(uri, context);
  }
  return absl::InternalError("a scheme without a store");
}

std::string ProgramPath() {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
  return length > 0 ? std::string(path, static_cast<size_t>(length)) : "vigil";
}

}  // namespace vigil
