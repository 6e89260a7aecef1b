// Files that the program carries inside, so that one file on a PC is all of Holdfast: the pages, and the generated
// trade of `holdfast demo`. cmake/embed.cmake writes the tables; a table is empty where a developer built without pages
// or Node.
//
// Shape:  paths as below web/dist, "/till/index.html"; of the trade "/catalogue.csv" and "/baskets.jsonl", as
//         demo/generate.mjs writes them.
// Lifetime, thread: the program's; any.
#pragma once

#include <span>
#include <string_view>

namespace holdfast::embedded {

struct File {
  std::string_view path, bytes;
};
std::span<const File> pages();
std::span<const File> trade();

}  // namespace holdfast::embedded
