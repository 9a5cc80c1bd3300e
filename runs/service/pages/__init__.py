"""The pages: HTML made by the server, brought to life by small ES modules, without a build step and without a network.

``routes.py``
    One function a page: it reads what the page shows first, and gives it to the template of the same name.
``templates/``
    Jinja templates, ``NAME.html.j2``; each extends ``base.html.j2``, which has the blocks ``title``, ``main`` and
    ``script``. Everything is escaped. What a module needs to begin with stands in
    ``<script type="application/json" id="state">``, written by the filter ``tojson``.
``static/``
    One style sheet, and modules by name: ``api.js`` speaks to ``/api/v1`` (and turns a refusal into its four parts),
    ``pareto.js`` computes fronts and budgets (pure, no document), ``chart.js`` draws points on a canvas and the front
    in SVG, ``PAGE.js`` belongs to the page of that name. They are sent as they are.

The content security policy permits files of this server alone: no inline script, no inline style (``style=`` too; a
module may set ``element.style``), no ``eval``, no other host. Whatever changes something is a request of ``api.js``,
whose origin the server checks.
"""
