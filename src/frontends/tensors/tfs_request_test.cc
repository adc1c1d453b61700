#include "frontends/tensors/tfs_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
