// How much of an HTTP message may have come in that the parser has not taken up.
//
// Beast bounds headers and bodies, but neither a chunk's extension nor the trailers, and takes both up whole: without
// this one connection of a stranger fills the memory. Headers and bodies fit in any case: a body is taken up as it
// comes.
#pragma once

#include <cstddef>

namespace holdfast::edge {

inline constexpr std::size_t unparsed_bytes_max = 128u << 10;  // of the server's buffers and of the client's

}  // namespace holdfast::edge
