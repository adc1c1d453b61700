"""Stands in for nanoarrow's build backend while pip fetches its source distribution.

pip asks the backend of a source distribution for metadata before it hands the file over, and the real one wants meson, Cython and Python's
headers for that. We compile nanoarrow's C ourselves and import nothing of it, so its own PKG-INFO is answer enough. Nothing can be built here.
"""
import os
import shutil


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    with open("PKG-INFO", encoding="utf-8") as info:
        version = next(line.split()[1] for line in info if line.startswith("Version: "))
    folder = f"nanoarrow-{version}.dist-info"
    os.makedirs(os.path.join(metadata_directory, folder))
    shutil.copy("PKG-INFO", os.path.join(metadata_directory, folder, "METADATA"))
    return folder
