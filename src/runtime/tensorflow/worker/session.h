// One SavedModel in TensorFlow: a session that runs any of its graph's tensors.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/tensorflow/protocol.h"
#include "runtime/tensorflow/worker/c_api.h"

namespace vigil::tensorflow {

// What a frame of kError carries.
struct Failure {
  uint32_t code = 0;  // absl::StatusCode, which TensorFlow's codes equal
  std::string text;
};

// Any thread may run.
class Session {
 public:
  explicit Session(const CApi& api) : api_(api) {}
  // Loads `folder`; the session stays until the process ends. False: `failure` says why.
  bool Load(const std::string& folder, const std::vector<std::string>& tags, Failure* failure);
  // Feeds `inputs`, appends the `wanted` tensors to `result` as kResult's body. False: `failure` says why.
  bool Run(const std::vector<FrameTensor>& inputs, const std::vector<std::string_view>& wanted, FrameWriter* result, Failure* failure);

 private:
  // "name:1" → the operation's second output.
  bool Resolve(std::string_view tensor, TF_Output* output, Failure* failure);
  TF_Tensor* Feed(const FrameTensor& from) const;
  bool Append(std::string_view name, const TF_Tensor* tensor, FrameWriter* result, Failure* failure) const;

  const CApi& api_;
  TF_Graph* graph_ = nullptr;
  TF_Session* session_ = nullptr;
  std::mutex mutex_;
  std::map<std::string, TF_Output, std::less<>> outputs_;  // resolved before
};

}  // namespace vigil::tensorflow
