#include "runtime/tensorflow/worker/c_api.h"

#include <dlfcn.h>

namespace vigil::tensorflow {
namespace {

template <typename Function>
bool Find(void* library, const char* name, Function* function, std::string* why) {
  *function = reinterpret_cast<Function>(dlsym(library, name));
  if (*function == nullptr) *why = std::string("it has no ") + name + " (TensorFlow 2.4 or newer is needed)";
  return *function != nullptr;
}

}  // namespace

bool LoadCApi(const char* path, CApi* api, std::string* why) {
  void* const library = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    const char* const error = dlerror();
    *why = error != nullptr ? error : "it cannot be loaded";
    return false;
  }
  return Find(library, "TF_Version", &api->Version, why) && Find(library, "TF_NewStatus", &api->NewStatus, why) &&
         Find(library, "TF_DeleteStatus", &api->DeleteStatus, why) && Find(library, "TF_GetCode", &api->GetCode, why) &&
         Find(library, "TF_Message", &api->Message, why) && Find(library, "TF_NewGraph", &api->NewGraph, why) &&
         Find(library, "TF_NewSessionOptions", &api->NewSessionOptions, why) && Find(library, "TF_SetConfig", &api->SetConfig, why) &&
         Find(library, "TF_LoadSessionFromSavedModel", &api->LoadSessionFromSavedModel, why) &&
         Find(library, "TF_GraphOperationByName", &api->GraphOperationByName, why) &&
         Find(library, "TF_OperationNumOutputs", &api->OperationNumOutputs, why) && Find(library, "TF_SessionRun", &api->SessionRun, why) &&
         Find(library, "TF_AllocateTensor", &api->AllocateTensor, why) && Find(library, "TF_DeleteTensor", &api->DeleteTensor, why) &&
         Find(library, "TF_TensorType", &api->TensorType, why) && Find(library, "TF_NumDims", &api->NumDims, why) &&
         Find(library, "TF_Dim", &api->Dim, why) && Find(library, "TF_TensorByteSize", &api->TensorByteSize, why) &&
         Find(library, "TF_TensorData", &api->TensorData, why) && Find(library, "TF_StringInit", &api->StringInit, why) &&
         Find(library, "TF_StringAssignView", &api->StringAssignView, why) &&
         Find(library, "TF_StringGetDataPointer", &api->StringGetDataPointer, why) &&
         Find(library, "TF_StringGetSize", &api->StringGetSize, why);
}

}  // namespace vigil::tensorflow
