"""The files of a new domain, in every layer: what `city domains new` lays.

`files/` mirrors the repository. In paths NAME stands for the domain's name; in texts `$name`, `$hyphens`, `$title`,
`$first_id` and `$second_id` are replaced (`string.Template`).
"""
