// grpc.reflection.v1.ServerReflection, and v1alpha, whose messages are the same.
#pragma once

#include "frontends/grpc/descriptors.h"
#include "net/grpc.h"

namespace vigil {

// Adds both to `methods`; `index` outlives them.
void AddReflection(const DescriptorIndex& index, net::GrpcMethods* methods);

// The answer to one serialized ServerReflectionRequest. INVALID_ARGUMENT: it is none. What is not found is an answer too.
StatusOr<std::string> Reflect(const DescriptorIndex& index, std::string_view request);

}  // namespace vigil
