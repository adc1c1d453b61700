#include "runtime/tensorflow/worker/session.h"

#include <charconv>
#include <cstring>

namespace vigil::tensorflow {
namespace {

constexpr uint32_t kInvalidArgument = 3, kNotFound = 5, kInternal = 13, kResourceExhausted = 8;

// ConfigProto: intra_op_parallelism_threads (2) = 1; inter_op_parallelism_threads (5) = -1, that is "in the caller's thread": a worker's
// own threads run calls side by side, and one call uses one of them.
constexpr unsigned char kConfig[] = {0x10, 0x01, 0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};

class StatusHolder {
 public:
  explicit StatusHolder(const CApi& api) : api_(api), status_(api.NewStatus()) {}
  ~StatusHolder() { api_.DeleteStatus(status_); }
  TF_Status* get() const { return status_; }
  bool Take(Failure* failure) const {
    const int code = api_.GetCode(status_);
    if (code == 0) return true;
    failure->code = static_cast<uint32_t>(code);
    failure->text = api_.Message(status_);
    return false;
  }

 private:
  const CApi& api_;
  TF_Status* const status_;
};

// Owns the tensors of one run.
class Tensors {
 public:
  Tensors(const CApi& api, size_t size) : api_(api), tensors_(size, nullptr) {}
  ~Tensors() {
    for (TF_Tensor* tensor : tensors_) {
      if (tensor != nullptr) api_.DeleteTensor(tensor);
    }
  }
  TF_Tensor*& operator[](size_t i) { return tensors_[i]; }
  TF_Tensor** data() { return tensors_.data(); }

 private:
  const CApi& api_;
  std::vector<TF_Tensor*> tensors_;
};

}  // namespace

bool Session::Load(const std::string& folder, const std::vector<std::string>& tags, Failure* failure) {
  const StatusHolder status(api_);
  TF_SessionOptions* const options = api_.NewSessionOptions();
  api_.SetConfig(options, kConfig, sizeof(kConfig), status.get());
  if (!status.Take(failure)) return false;
  std::vector<const char*> names;
  for (const std::string& tag : tags) names.push_back(tag.c_str());
  graph_ = api_.NewGraph();
  session_ = api_.LoadSessionFromSavedModel(options, nullptr, folder.c_str(), names.data(), static_cast<int>(names.size()), graph_, nullptr,
                                            status.get());
  return status.Take(failure);
}

bool Session::Resolve(std::string_view tensor, TF_Output* output, Failure* failure) {
  const std::lock_guard lock(mutex_);
  if (const auto found = outputs_.find(tensor); found != outputs_.end()) {
    *output = found->second;
    return true;
  }
  const size_t colon = tensor.rfind(':');
  int index = 0;
  if (colon != std::string_view::npos) {
    std::from_chars(tensor.data() + colon + 1, tensor.data() + tensor.size(), index);
  }
  const std::string name(tensor.substr(0, colon));
  TF_Operation* const operation = api_.GraphOperationByName(graph_, name.c_str());
  if (operation == nullptr || index < 0 || index >= api_.OperationNumOutputs(operation)) {
    *failure = {kNotFound, "the graph has no tensor " + std::string(tensor)};
    return false;
  }
  *output = {operation, index};
  outputs_.emplace(tensor, *output);
  return true;
}

TF_Tensor* Session::Feed(const FrameTensor& from) const {
  const bool text = TfTypeBytes(from.type) == 0;
  const size_t bytes = text ? from.elements * sizeof(TF_TString) : from.data.size();
  TF_Tensor* const tensor = api_.AllocateTensor(static_cast<int>(from.type), from.shape.data(), static_cast<int>(from.shape.size()), bytes);
  if (tensor == nullptr) return nullptr;
  if (text) {
    // Views of the frame, which stays until the run has ended: nothing to free.
    auto* const strings = static_cast<TF_TString*>(api_.TensorData(tensor));
    ForEachString(from, [&](uint64_t i, std::string_view one) {
      api_.StringInit(&strings[i]);
      api_.StringAssignView(&strings[i], one.data(), one.size());
    });
  } else if (bytes > 0) {
    std::memcpy(api_.TensorData(tensor), from.data.data(), bytes);
  }
  return tensor;
}

bool Session::Append(std::string_view name, const TF_Tensor* tensor, FrameWriter* result, Failure* failure) const {
  const auto type = static_cast<uint32_t>(api_.TensorType(tensor));
  const int width = TfTypeBytes(type), rank = api_.NumDims(tensor);
  if (width < 0 || rank < 0 || rank > static_cast<int>(kFrameRankMax)) {
    *failure = {kInternal, "output " + std::string(name) + " has data type " + std::to_string(type) + " and rank " + std::to_string(rank) +
                               ", which is not served"};
    return false;
  }
  std::vector<int64_t> shape;
  size_t elements = 1;
  for (int d = 0; d < rank; ++d) {
    shape.push_back(api_.Dim(tensor, d));
    elements *= static_cast<size_t>(shape.back());
  }
  result->TensorHead(name, type, shape.data(), shape.size());
  result->BeginData();
  const void* const data = api_.TensorData(tensor);
  if (width > 0) {
    result->Bytes(data, elements * static_cast<size_t>(width));
  } else {
    const auto* const strings = static_cast<const TF_TString*>(data);
    for (size_t i = 0; i < elements; ++i) {
      result->Text({api_.StringGetDataPointer(&strings[i]), api_.StringGetSize(&strings[i])});
    }
  }
  result->EndData();
  if (result->size() > kFrameBodyBytesMax) {
    *failure = {kResourceExhausted, "the answer is larger than " + std::to_string(kFrameBodyBytesMax) + " bytes; send fewer rows"};
    return false;
  }
  return true;
}

bool Session::Run(const std::vector<FrameTensor>& inputs, const std::vector<std::string_view>& wanted, FrameWriter* result,
                  Failure* failure) {
  std::vector<TF_Output> fed(inputs.size()), outputs(wanted.size());
  Tensors values(api_, inputs.size()), answers(api_, wanted.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!Resolve(inputs[i].name, &fed[i], failure)) return false;
    values[i] = Feed(inputs[i]);
    if (values[i] == nullptr) {
      *failure = {kInvalidArgument, "input " + std::string(inputs[i].name) + ": TensorFlow cannot hold it"};
      return false;
    }
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!Resolve(wanted[i], &outputs[i], failure)) return false;
  }
  const StatusHolder status(api_);
  api_.SessionRun(session_, nullptr, fed.data(), values.data(), static_cast<int>(fed.size()), outputs.data(), answers.data(),
                  static_cast<int>(outputs.size()), nullptr, 0, nullptr, status.get());
  if (!status.Take(failure)) return false;
  result->U32(static_cast<uint32_t>(wanted.size()));
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!Append(wanted[i], answers[i], result, failure)) return false;
  }
  return true;
}

}  // namespace vigil::tensorflow
