#pragma once

#include "io/backup/objects.h"

namespace patronus::backup {

// Below a directory, which need not be there yet.
[[nodiscard]] std::unique_ptr<Objects> open_file_objects(const std::string& directory);
[[nodiscard]] std::unique_ptr<Objects> open_s3_objects(const Target& target);

}  // namespace patronus::backup
