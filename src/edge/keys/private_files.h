// Files and directories that are nobody else's business, and small public files.
//
// Errors: keys/exposed: others on this machine can read or enter it; says the chmod to run. keys/exists: it is there
//         already and is not overwritten. keys/not_found. keys/failed: the system's reason.
// After:  a failed create leaves no file. A power cut leaves the whole file or none; it may leave NAME.unfinished,
//         which the next create of NAME removes.
#pragma once

#include <string>

#include "core/base/result.h"
#include "edge/keys/secret.h"

namespace holdfast::keys {

inline constexpr std::size_t public_file_bytes_max = 64u << 20;

// "directory/name"
std::string join(const std::string& directory, std::string_view name);

// Mode 0600, O_EXCL, durable with its directory entry.
Status create_private_file(const std::string& path, std::string_view text);
// Mode 0644 (less the umask), O_EXCL, durable.
Status create_public_file(const std::string& path, std::string_view text);
// Refuses a symbolic link, another owner, and any right for group or others. Returns the bytes read, at most N.
template <std::size_t N>
Result<std::size_t> read_private_file(const std::string& path, Secret<N>& into);
Result<std::size_t> read_private_file(const std::string& path, unsigned char* into, std::size_t bytes_max);
Result<std::string> read_public_file(const std::string& path, std::size_t bytes_max = public_file_bytes_max);

// Makes the directory (mode 0700, durable) with its missing parents. Existing is fine if it is a directory.
Status make_private_directory(const std::string& path);
// keys/exposed if group or others may enter it.
Status check_private_directory(const std::string& path);
Status check_missing_or_empty(const std::string& path);  // keys/exists

template <std::size_t N>
Result<std::size_t> read_private_file(const std::string& path, Secret<N>& into) {
  return read_private_file(path, into.data(), N);
}

}  // namespace holdfast::keys
