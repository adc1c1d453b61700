// The few functions of TensorFlow's C API (tensorflow/c/c_api.h, stable since 1.0) that a worker calls, found in the library at run time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace vigil::tensorflow {

struct TF_Status;
struct TF_Graph;
struct TF_Session;
struct TF_SessionOptions;
struct TF_Operation;
struct TF_Tensor;
struct TF_Buffer;

struct TF_Output {
  TF_Operation* oper;
  int index;
};

// An element of a string tensor (tensorflow/core/platform/ctstring.h): opaque, 24 bytes.
struct TF_TString {
  uint64_t opaque[3];
};

struct CApi {
  const char* (*Version)();
  TF_Status* (*NewStatus)();
  void (*DeleteStatus)(TF_Status*);
  int (*GetCode)(const TF_Status*);
  const char* (*Message)(const TF_Status*);
  TF_Graph* (*NewGraph)();
  TF_SessionOptions* (*NewSessionOptions)();
  void (*SetConfig)(TF_SessionOptions*, const void* proto, size_t bytes, TF_Status*);
  TF_Session* (*LoadSessionFromSavedModel)(const TF_SessionOptions*, const TF_Buffer* run_options, const char* folder,
                                           const char* const* tags, int tags_size, TF_Graph*, TF_Buffer* meta_graph, TF_Status*);
  TF_Operation* (*GraphOperationByName)(TF_Graph*, const char*);
  int (*OperationNumOutputs)(TF_Operation*);
  void (*SessionRun)(TF_Session*, const TF_Buffer* run_options, const TF_Output* inputs, TF_Tensor* const* input_values, int inputs_size,
                     const TF_Output* outputs, TF_Tensor** output_values, int outputs_size, const TF_Operation* const* targets,
                     int targets_size, TF_Buffer* run_metadata, TF_Status*);
  TF_Tensor* (*AllocateTensor)(int type, const int64_t* shape, int rank, size_t bytes);
  void (*DeleteTensor)(TF_Tensor*);
  int (*TensorType)(const TF_Tensor*);
  int (*NumDims)(const TF_Tensor*);
  int64_t (*Dim)(const TF_Tensor*, int);
  size_t (*TensorByteSize)(const TF_Tensor*);
  void* (*TensorData)(const TF_Tensor*);
  void (*StringInit)(TF_TString*);
  void (*StringAssignView)(TF_TString*, const char*, size_t);
  const char* (*StringGetDataPointer)(const TF_TString*);
  size_t (*StringGetSize)(const TF_TString*);
};

// Fills `api` from the library at `path`; else false, and `why` says what is missing.
bool LoadCApi(const char* path, CApi* api, std::string* why);

}  // namespace vigil::tensorflow
