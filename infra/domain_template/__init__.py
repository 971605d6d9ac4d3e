"""The files of a new domain, in every layer: what `city domains new` lays.

`files/` mirrors the repository. `NAME` in a path stands for the domain's name. In texts `string.Template` replaces
`$name`, `$hyphens`, `$title`, `$first_id` and `$second_id`.
"""
